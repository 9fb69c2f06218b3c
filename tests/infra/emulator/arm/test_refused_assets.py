"""Assets, connections and quota: what fails on Azure fails here, in the same words."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("collection", "first", "second"),
    [
        pytest.param("environments", {"image": "a:1"}, {"image": "a:2"}, id="environment"),
        pytest.param("models", {"modelUri": "azureml://x/1"}, {"modelUri": "azureml://x/2"}, id="model"),
        pytest.param("codes", {"codeUri": "https://x/1"}, {"codeUri": "https://x/2"}, id="code"),
    ],
)
def test_a_version_is_what_it_was(arm: Any, collection: str, first: Any, second: Any) -> None:
    id = f"{arm.lab}/{collection}/fixed/versions/7"
    assert arm("PUT", id, {"properties": first}).status_code == 201
    assert arm("PUT", id, {"properties": {**first, "tags": {"seen": "yes"}}}).status_code == 200
    answer = arm("PUT", id, {"properties": second})
    assert arm.error(answer)[:2] == (409, "UserError")
    assert "already exists, and it differs" in arm.error(answer)[2]
    assert arm("GET", id).json()["properties"]["tags"] == {"seen": "yes"}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        pytest.param({}, "image, a build context or a conda file", id="nothing"),
        pytest.param({"image": "a", "build": {"contextUri": "https://x"}}, "not both", id="image-and-build"),
        pytest.param({"build": {}}, "contextUri", id="build-without-context"),
        pytest.param({"condaFile": "name: x"}, "needs an image", id="conda-alone"),
        pytest.param({"image": "a", "inferenceConfig": {"liveRoute": {}}}, "livenessRoute", id="route-name"),
        pytest.param(
            {"image": "a", "inferenceConfig": {"livenessRoute": {"port": 0, "path": "/"}}}, "1 to 65535", id="port"
        ),
    ],
)
def test_environments_that_are_refused(arm: Any, properties: Any, words: str) -> None:
    answer = arm("PUT", f"{arm.lab}/environments/wrong/versions/1", {"properties": properties})
    assert answer.status_code == 400
    assert words in arm.error(answer)[2]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        pytest.param("a", {}, "must match the pattern", id="name"),
        pytest.param("wrong", {"authType": "Magic"}, "Magic", id="auth-type"),
        pytest.param("wrong", {"category": None}, "category field is required", id="no-category"),
        pytest.param("wrong", {"credentials": {"keys": {}}}, "do not fit", id="no-keys"),
        pytest.param("wrong", {"credentials": {"keys": {"a": "b"}, "more": 1}}, "unknown field more", id="more"),
        pytest.param("wrong", {"metadata": {"a": 1}}, "must be strings", id="metadata"),
    ],
)
def test_connections_that_are_refused(arm: Any, name: str, change: dict[str, Any], words: str) -> None:
    properties = {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"a": "b"}}, **change}
    answer = arm("PUT", f"{arm.lab}/connections/{name}", {"properties": properties})
    assert answer.status_code == 400
    assert words in arm.error(answer)[2]


def test_what_is_no_json_is_refused(arm: Any) -> None:
    url = f"{arm.lab}/connections/broken"
    answer = arm.client.put(url, content=b"{", params={"api-version": "2024-04-01"})
    assert arm.error(answer)[:2] == (400, "InvalidRequestContent")


@pytest.mark.parametrize(
    ("size", "instances", "numbers"),
    [
        pytest.param("Standard_DS3_v2", 1, "Current usage/limit: 0/6. Additional needed: 8 ", id="one-counts-as-two"),
        pytest.param(
            "Standard_NC24ads_A100_v4", 3, "limit: 0/48. Additional needed: 72 ", id="exempt-sizes-count-once"
        ),
        pytest.param("Standard_NC40ads_H100_v5", 1, "limit: 0/0. Additional needed: 40 ", id="family-without-quota"),
    ],
)
def test_quota(arm: Any, bodies: Any, size: str, instances: int, numbers: str) -> None:
    id = f"{arm.annex}/onlineEndpoints/greedy"
    if arm("GET", id).status_code == 404:
        arm.done("PUT", id, bodies["endpoint"](location="westus"))
    answer = arm(
        "PUT", f"{id}/deployments/blue", bodies["deployment"](arm.assets(arm.annex), instances, instanceType=size)
    )
    status, code, said = arm.error(answer)
    assert (status, code) == (400, "BadRequest")
    assert said.startswith("The request is invalid. InferencingClientCreateDeploymentFailed ")
    assert f"Not enough quota available for {size} in SubscriptionId {arm.subscription}." in said
    assert numbers in said
    assert "https://aka.ms/oe-tsg#error-outofquota" in said


def test_an_environment_is_archived_and_not_deleted(arm: Any) -> None:
    id = f"{arm.lab}/environments/kept/versions/1"
    arm.done("PUT", id, {"properties": {"image": "a:1"}})
    for refused in (id, id.rpartition("/versions/")[0]):
        answer = arm("DELETE", refused)
        assert arm.error(answer)[:2] == (405, "MethodNotAllowed")
    arm.done("PUT", id, {"properties": {"image": "a:1", "isArchived": True}})
    assert arm("GET", f"{id.rpartition('/')[0]}").json()["value"] == []
    assert arm("GET", id).status_code == 200


def test_a_connection_that_is_put_without_credentials_has_none(arm: Any) -> None:
    id = f"{arm.lab}/connections/loses"
    body = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_"}
    keys = {"credentials": {"keys": {"a": "b"}}}
    arm.done("PUT", id, {"properties": {**body, **keys}})
    assert arm("POST", f"{id}/listsecrets", {}).json()["properties"]["credentials"] == keys["credentials"]
    arm.done("PUT", id, {"properties": body})
    assert "credentials" not in arm("POST", f"{id}/listsecrets", {}).json()["properties"]
    arm.done("DELETE", id)
