"""The unmodified azure-ai-ml and azure-identity through the whole life of a stack."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.launcher import EmulatorProfile
from tests.infra.emulator.routes import SDK_ROUTES

CODE = Path(__file__).with_name("code")
CONNECTION = {
    "properties": {
        "category": "CustomKeys",
        "authType": "CustomKeys",
        "target": "_",
        "isSharedToAll": True,
        "metadata": {"team": "blue"},
        "credentials": {"keys": {"WORD": "open-sesame"}},
    }
}


def build_context(folder: Path) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "requirements.txt").write_text("vllm\n")
    return folder


def test_a_stack_lives_and_dies(
    ml: Any,
    arm: Any,
    tmp_path: Path,
    without_output: Callable[[], Any],
    answers: list[tuple[str, str, int, Any]],
) -> None:
    from azure.ai.ml.entities import (
        BuildContext,
        CodeConfiguration,
        Environment,
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        Model,
        OnlineRequestSettings,
        ProbeSettings,
    )

    arm.done("PUT", f"{arm.lab}/connections/Words", CONNECTION)
    assert [connection.name for connection in ml.connections.list()] == ["Words"]
    assert ml.connections.get("Words").metadata == {"team": "blue"}

    image = ml.environments.create_or_update(
        Environment(name="from-image", version="1", image="example.org/box:1", inference_config=SDK_ROUTES)
    )
    context = build_context(tmp_path / "context")
    with without_output():
        built = ml.environments.create_or_update(
            Environment(
                name="from-context", version="1", build=BuildContext(path=str(context)), inference_config=SDK_ROUTES
            )
        )
    assert image.id.endswith("/environments/from-image/versions/1")
    assert ml.environments.get("from-context", label="latest").id == built.id

    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    with without_output():
        model = ml.models.create_or_update(
            Model(name="words", version="1", path=str(weights), tags={"invisibleUntil": "2026-01-16T00:00:00.000Z"})
        )
    assert [entry.version for entry in ml.models.list(name="words")] == ["1"]

    endpoint = ManagedOnlineEndpoint(
        name="sdk-life",
        auth_mode="key",
        tags={"owner": "test"},
        properties={"enforce_access_to_default_secret_stores": "enabled"},
    )
    with without_output():
        created = ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert created.provisioning_state == "Succeeded"

    def deployment() -> Any:
        return ManagedOnlineDeployment(
            name="blue",
            endpoint_name="sdk-life",
            model=model.id,
            environment=built.id,
            code_configuration=CodeConfiguration(code=str(CODE), scoring_script="score.py"),
            instance_type="Standard_NC24ads_A100_v4",
            instance_count=1,
            environment_variables={"GREETING": "${{azureml://connections/Words/credentials/WORD}}"},
            request_settings=OnlineRequestSettings(request_timeout_ms=90_000, max_concurrent_requests_per_instance=8),
            liveness_probe=ProbeSettings(initial_delay=1, period=1),
            readiness_probe=ProbeSettings(initial_delay=1, period=1),
        )

    with without_output():
        ml.online_deployments.begin_create_or_update(deployment()).result()
    live = ml.online_deployments.get("blue", "sdk-life")
    assert (live.provisioning_state, live.instance_count) == ("Succeeded", 1)
    assert live.environment_variables["GREETING"].startswith("${{azureml://connections/Words")

    endpoint.traffic = {"blue": 100}
    with without_output():
        ml.online_endpoints.begin_create_or_update(endpoint).result()
    live_endpoint = ml.online_endpoints.get("sdk-life")
    assert live_endpoint.traffic == {"blue": 100}
    assert live_endpoint.scoring_uri.endswith("/v1/chat")

    keys = ml.online_endpoints.get_keys("sdk-life")
    answer = httpx.post(
        live_endpoint.scoring_uri,
        json={"say": "hello"},
        headers={"Authorization": f"Bearer {keys.primary_key}"},
        trust_env=False,
    )
    assert answer.json() == {"echo": {"say": "hello"}, "greeting": "open-sesame"}
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"say": "again"}))
    assert "again" in ml.online_endpoints.invoke("sdk-life", request_file=str(request))
    assert "tiny scoring program is up" in ml.online_deployments.get_logs("blue", "sdk-life", lines=20)

    uris = [body["properties"]["codeUri"] for method, url, _, body in answers if method == "PUT" and "/codes/" in url]
    assert [uri.rpartition("/")[2] for uri in uris] == ["code"], "the code's folder is the last part of codeUri"
    uploads = [url for method, url, *_ in answers if method == "POST" and "startPendingUpload" in url]
    with without_output():
        ml.online_deployments.begin_create_or_update(deployment()).result()
    again = [url for method, url, *_ in answers if method == "POST" and "startPendingUpload" in url]
    assert again == uploads, "code that is unchanged was uploaded again"

    endpoint.traffic = {}
    arm.done("PUT", f"{arm.lab}/onlineEndpoints/sdk-life", _without_traffic(arm))
    with without_output():
        ml.online_deployments.begin_delete("blue", "sdk-life").result()
        ml.online_endpoints.begin_delete("sdk-life").result()
    assert "sdk-life" not in [entry.name for entry in ml.online_endpoints.list()]
    ml.connections.delete("Words")
    assert list(ml.connections.list()) == []
    assert arm("GET", f"{arm.lab}/connections/Words").status_code == 404


def _without_traffic(arm: Any) -> dict[str, Any]:
    document: dict[str, Any] = arm("GET", f"{arm.lab}/onlineEndpoints/sdk-life").json()
    return document | {"properties": document["properties"] | {"traffic": {}}}


def test_a_client_secret_needs_a_role(
    emulator: EmulatorProfile, ml_client: Callable[..., Any], arm: Any, sdk_environment: dict[str, str]
) -> None:
    from azure.ai.ml.entities import ApiKeyConfiguration, WorkspaceConnection
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ClientSecretCredential

    client_id = "11111111-2222-3333-4444-555555555555"
    credential = ClientSecretCredential(
        emulator.tenant_id, client_id, "secret", authority=emulator.resource_manager, disable_instance_discovery=True
    )
    client = ml_client(credential)
    with pytest.raises(HttpResponseError, match="AuthorizationFailed") as refused:
        client.workspaces.get("lab")
    object_id = str(refused.value).split("object id '")[1].split("'")[0]
    assignment = f"{arm.lab}/providers/Microsoft.Authorization/roleAssignments/5f0e8bb1-0000-4000-8000-000000000001"
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    role = f"/subscriptions/{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{reader}"
    body = {"properties": {"principalId": object_id, "roleDefinitionId": role}}
    arm.done("PUT", assignment, body, version="2022-04-01")
    assert client.workspaces.get("lab").location == "eastus"
    connection = WorkspaceConnection(name="nope", type="custom", target="_", credentials=ApiKeyConfiguration(key="k"))
    with pytest.raises(HttpResponseError, match="workspaces/connections/write"):
        client.connections.create_or_update(connection)


def test_a_model_in_a_registry(
    ml_client: Callable[..., Any], tmp_path: Path, without_output: Callable[[], Any], sdk_environment: dict[str, str]
) -> None:
    from azure.ai.ml.entities import Model
    from azure.identity import ManagedIdentityCredential

    registry = ml_client(ManagedIdentityCredential(), registry_name="catalog")
    (tmp_path / "config.json").write_text("{}")
    with without_output():
        made = registry.models.create_or_update(
            Model(name="shared", version="3", path=str(tmp_path / "config.json"), tags={"license": "mit"})
        )
    assert made.id == "azureml://registries/catalog/models/shared/versions/3"
    assert registry.models.get("shared", version="3").tags["license"] == "mit"
    assert "shared" in [entry.name for entry in registry.models.list()]


def test_usages_and_sizes_by_the_sdk(ml: Any) -> None:
    sizes = {size.name: size.v_cp_us for size in ml.compute.list_sizes(location="eastus")}
    assert "Standard_NC24ads_A100_v4" in sizes
    assert len(list(ml.compute.list_usage(location="westus"))) > 10


def test_what_the_sdk_got_satisfies_the_documents(answers: list[tuple[str, str, int, Any]], documents: Any) -> None:
    assert answers, "this test reads what the tests above it were answered"
    checked = [documents.violations(*answer) for answer in answers]
    assert [error for errors in checked if errors for error in errors] == []
    assert sum(errors is not None for errors in checked) > 30
    answers.clear()
