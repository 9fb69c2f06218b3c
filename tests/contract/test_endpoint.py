"""An endpoint with a deployment from its creation to its end; the tests build on each other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
ROUTE = {"port": 5001, "path": "/health"}
PROBE = {"initial_delay": 10, "period": 10, "timeout": 2, "failure_threshold": 30}


@pytest.fixture(scope="module")
def endpoint(target: Any, ml: Any, unique: str, quiet: Callable[[], Any]) -> Iterator[str]:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = f"contract-{unique}"
    flag = {"enforce_access_to_default_secret_stores": "enabled"}
    with quiet():
        ml.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name, auth_mode="key", tags={"made": "by a test"}, properties=flag)
        ).result()
    yield name
    with quiet():
        ml.online_endpoints.begin_delete(name).result()
    assert target.arm("GET", f"{target.id}/onlineEndpoints/{name}").status_code == 404


def call(ml: Any, endpoint: str, headers: dict[str, str] | None = None, key: str = "") -> httpx.Response:
    bearer = key or ml.online_endpoints.get_keys(endpoint).primary_key
    uri = ml.online_endpoints.get(endpoint).scoring_uri
    given = {"Authorization": f"Bearer {bearer}", **(headers or {})}
    return httpx.post(uri, json={"say": "hello"}, headers=given, trust_env=False, timeout=60)


def test_a_new_endpoint(target: Any, ml: Any, endpoint: str) -> None:
    live = ml.online_endpoints.get(endpoint)
    assert (live.provisioning_state, live.auth_mode, live.traffic) == ("Succeeded", "key", {})
    assert live.tags == {"made": "by a test"}
    assert endpoint in [entry.name for entry in ml.online_endpoints.list()]
    document = target.arm("GET", f"{target.id}/onlineEndpoints/{endpoint}").json()
    assert document["identity"]["type"] == "SystemAssigned"
    assert document["properties"]["properties"]["enforce_access_to_default_secret_stores"] == "enabled"
    assert call(ml, endpoint).status_code == 404
    assert call(ml, endpoint, key="wrong").status_code == 401


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


@pytest.fixture(scope="module")
def deployment(target: Any, ml: Any, endpoint: str, unique: str, quiet: Callable[[], Any]) -> Iterator[str]:
    from azure.ai.ml import entities

    connection = f"{target.id}/connections/words-{unique}"
    keys = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_", "credentials": {"keys": {"W": "sesame"}}}
    target.arm("PUT", connection, {"properties": {**keys, "isSharedToAll": True}}).raise_for_status()
    routes = {f"{kind}_route": ROUTE for kind in ("liveness", "readiness")}
    box = entities.Environment(
        name=f"box-{unique}",
        version="1",
        build=entities.BuildContext(path=str(HERE / "image")),
        inference_config={**routes, "scoring_route": {"port": 5001, "path": "/score"}},
    )
    with quiet():
        made = ml.environments.create_or_update(box)
        ml.online_deployments.begin_create_or_update(
            entities.ManagedOnlineDeployment(
                name="blue",
                endpoint_name=endpoint,
                environment=made.id,
                code_configuration=entities.CodeConfiguration(code=str(HERE / "code"), scoring_script="score.py"),
                instance_type=target.instance_type,
                instance_count=1,
                environment_variables={"WORD": f"${{{{azureml://connections/words-{unique}/credentials/W}}}}"},
                liveness_probe=entities.ProbeSettings(**PROBE),
                readiness_probe=entities.ProbeSettings(**PROBE),
            )
        ).result()
    yield "blue"
    ml.connections.delete(f"words-{unique}")


def test_a_deployment_gets_no_traffic_by_itself(ml: Any, endpoint: str, deployment: str) -> None:
    live = ml.online_deployments.get(deployment, endpoint)
    assert (live.provisioning_state, live.instance_count) == ("Succeeded", 1)
    assert live.environment_variables["WORD"].startswith("${{azureml://connections/")
    assert call(ml, endpoint).status_code == 404
    answer = call(ml, endpoint, {"azureml-model-deployment": deployment})
    assert (answer.status_code, answer.json()["word"]) == (200, "sesame")
    assert answer.headers["x-request-id"]


def test_what_the_container_refuses_comes_as_424(ml: Any, endpoint: str, deployment: str) -> None:
    answer = call(ml, endpoint, {"azureml-model-deployment": deployment, "x-answer-with": "418"})
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "418")


def test_its_log_can_be_read(ml: Any, endpoint: str, deployment: str) -> None:
    assert "container is up" in ml.online_deployments.get_logs(deployment, endpoint, lines=100)


def test_traffic_and_what_it_protects(target: Any, ml: Any, endpoint: str, deployment: str, quiet: Any) -> None:
    live = ml.online_endpoints.get(endpoint)
    live.traffic = {deployment: 100}
    with quiet():
        ml.online_endpoints.begin_create_or_update(live).result()
    answer = call(ml, endpoint)
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
