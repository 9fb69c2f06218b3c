"""Long-running operations: what announces them, how they end, what happens to those that meet."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Faults = Callable[..., httpx.Response]


@pytest.fixture
def faults(emulator: Any) -> Iterator[Faults]:
    """Sets fault rules on the shared emulator; they are gone afterwards."""
    url = httpx.get(emulator.portal, headers={"Accept": "application/json"}, trust_env=False).json()["faults"]

    def set_rules(*rules: dict[str, Any]) -> httpx.Response:
        return httpx.put(url, content=json.dumps(rules), trust_env=False)  # json= refuses infinity

    yield set_rules
    assert set_rules().json() == []


def test_a_put_announces_its_operation(arm: Any, bodies: Any) -> None:
    id = f"{arm.lab}/onlineEndpoints/announced"
    created = arm("PUT", id, bodies["endpoint"]())
    assert created.status_code == 201
    assert created.json()["properties"]["provisioningState"] == "Creating"
    url = created.headers["azure-asyncoperation"]
    assert f"/subscriptions/{arm.subscription}/providers/Microsoft.MachineLearningServices/locations/eastus/" in url
    assert "/mfeOperationsStatus/oe:" in url
    assert created.headers["x-ms-async-operation-timeout"] == "PT1H"
    assert created.headers["retry-after"] == "1"
    assert "location" not in created.headers
    done = arm.finish(created)
    assert {"id", "name", "status", "startTime", "endTime", "percentComplete"} <= set(done)
    live = arm("GET", id).json()["properties"]
    assert live["provisioningState"] == "Succeeded"
    assert live["properties"]["AzureAsyncOperationUri"] == url
    assert arm("PUT", id, bodies["endpoint"](tags={"a": "b"})).status_code == 200

    removed = arm("DELETE", id)
    assert removed.status_code == 202
    assert "/mfeOperationResults/" in removed.headers["location"]
    assert arm.finish(removed)["status"] == "Succeeded"
    assert arm.client.get(removed.headers["location"]).status_code == 204
    assert arm("DELETE", id).status_code == 204


def test_keys_are_regenerated_one_at_a_time(arm: Any) -> None:
    id = arm.endpoint("rotated")
    before = arm("POST", f"{id}/listKeys").json()
    arm.done("POST", f"{id}/regenerateKeys", {"keyType": "Primary"})
    after = arm("POST", f"{id}/listKeys").json()
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    # The SDK sends the key that is there: then that is the key.
    arm.done("POST", f"{id}/regenerateKeys", {"keyType": "Secondary", "keyValue": "chosen"})
    assert arm("POST", f"{id}/listKeys").json()["secondaryKey"] == "chosen"
    arm.done("DELETE", id)


def test_an_endpoint_with_tokens(arm: Any, bodies: Any) -> None:
    id = arm.endpoint("tokens", properties={"authMode": "AMLToken"})
    token = arm("POST", f"{id}/token").json()
    assert token["tokenType"] == "Bearer"
    assert token["refreshAfterTimeUtc"] < token["expiryTimeUtc"]
    assert arm("POST", f"{id}/listKeys").status_code == 400
    arm.done("DELETE", id)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param(
            {"environmentVariables": {"T": "${{azureml://connections/None/credentials/K}}"}}, "SecretsInjectionError",
            "Failed to retrieve and inject workspace connection secrets", id="secret",
        ),
        pytest.param({"environmentId": "{lab}/environments/none/versions/1"}, "BadArgument", "found", id="environment"),
        pytest.param({"model": "{lab}/models/none/versions/1"}, "BadArgument", "not found", id="model"),
        pytest.param(
            {"codeConfiguration": {"codeId": "{code}", "scoringScript": "no.py"}}, "BadArgument", "no.py", id="script"
        ),
        pytest.param(
            {"codeConfiguration": {"codeId": "{code}", "scoringScript": "crash.py"}}, "ResourceNotReady",
            "User container has crashed or terminated", id="crash",
        ),
    ],
)  # fmt: skip
def test_deployments_that_fail_later(arm: Any, bodies: Any, change: dict[str, Any], code: str, words: str) -> None:
    id = arm.endpoint("fails")
    assets = arm.assets()

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(item) for name, item in value.items()}
        return value.replace("{lab}", arm.lab).replace("{code}", assets["code"])

    started = arm("PUT", f"{id}/deployments/blue", bodies["deployment"](assets, **filled(change)))
    assert started.status_code == 201
    ended = arm.finish(started)
    assert (ended["status"], ended["error"]["code"]) == ("Failed", code)
    assert words in ended["error"]["message"]
    assert arm("GET", f"{id}/deployments/blue").json()["properties"]["provisioningState"] == "Failed"
    arm.done("DELETE", f"{id}/deployments/blue")
    arm.done("DELETE", id)


def test_a_build_context_without_a_dockerfile(arm: Any, bodies: Any) -> None:
    id, assets = arm.endpoint("builds"), arm.assets()
    environment = f"{arm.lab}/environments/no-dockerfile/versions/1"
    build = {"contextUri": arm("GET", assets["code"]).json()["properties"]["codeUri"]}
    arm.done("PUT", environment, {"properties": {"build": build}})
    ended = arm.finish(arm("PUT", f"{id}/deployments/blue", bodies["deployment"](assets, environmentId=environment)))
    assert ended["error"]["code"] == "ImageBuildFailure"
    arm.done("DELETE", id)


def test_scaling_and_what_the_service_fills_in(arm: Any, bodies: Any) -> None:
    id, assets = arm.endpoint("fills"), arm.assets()
    sent = bodies["deployment"](assets)
    arm.done("PUT", f"{id}/deployments/blue", sent)
    live = arm("GET", f"{id}/deployments/blue").json()
    assert live["properties"]["scaleSettings"] == {"scaleType": "Default"}
    assert live["properties"]["requestSettings"] == {
        "maxQueueWait": "PT0.5S",
        "maxConcurrentRequestsPerInstance": 1,
        "requestTimeout": "PT5S",
    }
    assert live["properties"]["readinessProbe"]["timeout"] == "PT2S"
    assert live["properties"]["egressPublicNetworkAccess"] == "Enabled"
    scaled = arm("PATCH", f"{id}/deployments/blue", {"sku": {"capacity": 2}})
    assert scaled.status_code == 202
    assert arm("GET", f"{id}/deployments/blue").json()["properties"]["provisioningState"] in ("Scaling", "Succeeded")
    assert arm.finish(scaled)["status"] == "Succeeded"
    assert arm("GET", f"{id}/deployments/blue").json()["sku"] == {"name": "Default", "capacity": 2}
    logs = arm("POST", f"{id}/deployments/blue/getLogs", {"tail": 50}).json()["content"]
    assert "tiny scoring program is up" in logs
    skus = arm("GET", f"{id}/deployments/blue/skus").json()["value"]
    assert skus[0]["capacity"]["maximum"] == 50
    arm.done("DELETE", id)


def test_a_second_write_is_canceled_and_a_delete_goes_first(arm: Any, bodies: Any, faults: Faults) -> None:
    id, assets = arm.endpoint("meeting"), arm.assets()
    faults({"path": "deployments/blue", "method": "PUT", "operation": "never", "times": 1})
    first = arm("PUT", f"{id}/deployments/blue", bodies["deployment"](assets))
    second = arm("PUT", f"{id}/deployments/blue", bodies["deployment"](assets, 2))
    assert arm.finish(second)["error"]["code"] == "OperationCanceled"
    assert arm("GET", f"{id}/deployments/blue").json()["sku"]["capacity"] == 1
    arm.done("DELETE", id)
    ended = arm.finish(first)
    assert (ended["status"], ended["error"]["code"]) == ("Canceled", "OperationCanceled")
    assert arm("GET", f"{id}/deployments/blue").status_code == 404


def test_two_deletes_are_one(arm: Any, bodies: Any, faults: Faults) -> None:
    id = arm.endpoint("twice")
    faults({"path": "onlineEndpoints/twice", "method": "DELETE", "operation": "never", "times": 1})
    first, second = arm("DELETE", id), arm("DELETE", id)
    assert first.headers["azure-asyncoperation"] == second.headers["azure-asyncoperation"]
    late = arm("PUT", f"{id}/deployments/blue", bodies["deployment"](arm.assets()))
    assert arm.error(late)[:2] == (409, "Conflict")


def test_an_operation_that_is_made_to_fail(arm: Any, bodies: Any, faults: Faults) -> None:
    capacity = {"code": "OutOfCapacity", "message": "No hosts in this region."}
    faults({"path": "onlineEndpoints/unlucky", "method": "PUT", "operation": capacity, "times": 1})
    ended = arm.finish(arm("PUT", f"{arm.lab}/onlineEndpoints/unlucky", bodies["endpoint"]()))
    assert ended["error"] == capacity
    assert arm("GET", f"{arm.lab}/onlineEndpoints/unlucky").json()["properties"]["provisioningState"] == "Failed"
    arm.done("DELETE", f"{arm.lab}/onlineEndpoints/unlucky")


def test_an_error_so_many_times(arm: Any, faults: Faults) -> None:
    faults({"method": "GET", "path": "workspaces/lab", "status": 429, "headers": {"Retry-After": "7"}, "times": 2})
    answers = [arm("GET", arm.lab) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[0].json()["error"]["code"] == "TooManyRequests"


def test_a_seed_decides_the_same_every_time(arm: Any, faults: Faults) -> None:
    rule = {"path": "workspaces/lab", "status": 503, "probability": 0.5, "seed": 7}

    def outcomes() -> list[int]:
        faults(rule)
        return [arm("GET", arm.lab).status_code for _ in range(12)]

    first = outcomes()
    assert first == outcomes()
    assert set(first) == {200, 503}


def test_an_answer_that_is_lost_after_the_write(arm: Any, faults: Faults) -> None:
    body = {"properties": {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"a": "b"}}}}
    faults({"method": "PUT", "path": "connections/lost", "after": True, "times": 1})
    with pytest.raises(httpx.TransportError):
        arm("PUT", f"{arm.lab}/connections/lost", body)
    assert arm("GET", f"{arm.lab}/connections/lost").status_code == 200
    faults({"method": "DELETE", "path": "connections/lost", "after": True, "status": 500, "times": 1})
    assert arm("DELETE", f"{arm.lab}/connections/lost").status_code == 500
    assert arm("GET", f"{arm.lab}/connections/lost").status_code == 404


def test_a_connection_that_breaks_and_one_that_hangs(arm: Any, faults: Faults) -> None:
    faults({"path": "workspaces/lab", "reset": True, "times": 1})
    with pytest.raises(httpx.TransportError):
        arm("GET", arm.lab)
    assert arm("GET", arm.lab).status_code == 200
    faults({"path": "workspaces/lab", "hang": True, "times": 1})
    with pytest.raises(httpx.ReadTimeout):
        arm.client.get(arm.lab, params={"api-version": "2024-04-01"}, timeout=0.2)
    assert arm("GET", arm.lab).status_code == 200


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        pytest.param({"path": "("}, "needs one of", id="nothing-happens"),
        pytest.param({"path": "(", "status": 500}, "not a regular expression", id="expression"),
        pytest.param({"pth": "x", "status": 500}, "unknown field 'pth'", id="field"),
        pytest.param({"status": "500"}, "wrong type", id="type"),
        pytest.param([], "must be an object", id="no-object"),
        pytest.param({"status": 99_999}, "from 200 to 599", id="status-too-large"),
        pytest.param({"status": 100}, "from 200 to 599", id="status-of-no-answer"),
        pytest.param({"target": "azure", "hang": True}, "one of arm", id="target"),
        pytest.param({"method": "FETCH", "hang": True}, "one of *", id="method"),
        pytest.param({"times": -1, "hang": True}, "from 0", id="times"),
        pytest.param({"delay": -5}, "from 0", id="delay-negative"),
        pytest.param({"delay": float("inf")}, "from 0", id="delay-without-end"),
        pytest.param({"delay": float("nan")}, "from 0", id="delay-no-number"),
        pytest.param({"probability": 7, "hang": True}, "from 0 to 1", id="probability"),
        pytest.param({"operation": "foo"}, "'never' or", id="operation-word"),
        pytest.param({"operation": {"code": ""}}, "'never' or", id="operation-without-code"),
        pytest.param({"status": 503, "headers": {"": "y"}}, "printable ASCII", id="header-without-name"),
        pytest.param({"status": 503, "headers": {"x": "a\r\nb: c"}}, "printable ASCII", id="header-of-two-lines"),
        pytest.param({"status": 503, "headers": {"x": "\u00e9"}}, "printable ASCII", id="header-not-ascii"),
        pytest.param({"status": 503, "headers": {"Content-Length": "1"}}, "content-length", id="header-of-the-frame"),
    ],
)
def test_rules_that_are_refused(faults: Faults, rule: Any, words: str) -> None:
    answer = faults(rule)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
