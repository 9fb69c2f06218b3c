"""An endpoint with a deployment from its creation to its end; the tests build on each other."""

from collections.abc import Callable
from typing import Any

import pytest


def test_a_new_endpoint(target: Any, ml: Any, endpoint: str, call: Any) -> None:
    live = ml.online_endpoints.get(endpoint)
    assert (live.provisioning_state, live.auth_mode, live.traffic) == ("Succeeded", "key", {})
    assert live.tags == {"made": "by a test"}
    assert endpoint in [entry.name for entry in ml.online_endpoints.list()]
    document = target.arm("GET", f"{target.id}/onlineEndpoints/{endpoint}").json()
    assert document["identity"]["type"] == "SystemAssigned"
    assert document["properties"]["properties"]["enforce_access_to_default_secret_stores"] == "enabled"
    assert call().status_code == 404
    assert call(key="wrong").status_code == 401


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("ab", {}, id="name-too-short"),
        pytest.param("1-digit-first", {}, id="name-digit-first"),
        pytest.param("{endpoint}", {"traffic": {"none": 100}}, id="traffic-to-nobody"),
        pytest.param("{endpoint}", {"authMode": "Magic"}, id="auth-mode"),
    ],
)
def test_endpoints_that_are_refused(target: Any, endpoint: str, name: str, change: dict[str, Any]) -> None:
    id = f"{target.id}/onlineEndpoints/{name.format(endpoint=endpoint)}"
    region = target.arm("GET", target.id).json()["location"]
    properties = {"authMode": "Key", "properties": {}, **change}
    body = {"location": region, "identity": {"type": "SystemAssigned"}, "properties": properties}
    assert target.arm("PUT", id, body).status_code == 400


def test_a_deployment_gets_no_traffic_by_itself(
    ml: Any, endpoint: str, deployment: str, call: Any, ask: Callable[..., Any]
) -> None:
    live = ml.online_deployments.get(deployment, endpoint)
    assert (live.provisioning_state, live.instance_count) == ("Succeeded", 1)
    assert live.environment_variables["WORD"].startswith("${{azureml://connections/")
    assert call().status_code == 404
    answer = ask()
    assert (answer.status_code, answer.json()["word"]) == (200, "sesame")
    assert answer.headers["x-request-id"]


def test_what_the_container_refuses_comes_as_424(ask: Callable[..., Any]) -> None:
    answer = ask(x_answer_with="418")
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "418")


def test_its_log_can_be_read(ml: Any, endpoint: str, deployment: str) -> None:
    assert "container is up" in ml.online_deployments.get_logs(deployment, endpoint, lines=100)


def test_traffic_and_what_it_protects(target: Any, ml: Any, endpoint: str, deployment: str, call: Any) -> None:
    live = ml.online_endpoints.get(endpoint)
    live.traffic = {deployment: 100}
    ml.online_endpoints.begin_create_or_update(live).result()
    answer = call()
    assert (answer.status_code, answer.json()["path"]) == (200, "/score")
    id = f"{target.id}/onlineEndpoints/{endpoint}"
    assert target.arm("DELETE", f"{id}/deployments/{deployment}").status_code == 400
    document = target.arm("GET", f"{id}/deployments/{deployment}").json()
    document["properties"]["instanceType"] = "Standard_DS4_v2"
    assert target.arm("PUT", f"{id}/deployments/{deployment}", document).status_code == 400
    sixty = target.arm("GET", id).json()
    sixty["properties"]["traffic"] = {deployment: 60}
    assert target.arm("PUT", id, sixty).status_code == 400
    assert ml.online_endpoints.get(endpoint).traffic == {deployment: 100}
