"""Registries through the real SDK: discovery, models with tags, and deployments that name them by version and label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.emulator.routes import SDK_ROUTES

CODE = Path(__file__).parents[1] / "code"


@pytest.fixture(scope="module")
def registry(ml_client: Callable[..., Any]) -> Any:
    from azure.identity import ManagedIdentityCredential

    return ml_client(ManagedIdentityCredential(), registry_name="catalog")


@pytest.fixture(scope="module")
def models(registry: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two versions of one model."""
    from azure.ai.ml.entities import Model

    for version, files in (("1", ["config.json"]), ("2", ["config.json", "more.json"])):
        folder = tmp_path_factory.mktemp("weights")
        for name in files:
            (folder / name).write_text("{}")
        tags = {"modelId": "org/name", "invisibleUntil": "2026-01-16T00:00:00.000Z"}
        registry.models.create_or_update(Model(name="org-name", version=version, path=str(folder), tags=tags))
    return registry.models


def test_discovery(emulator: Any, arm: Any) -> None:
    path = "/registrymanagement/v1.0/registries/Catalog/discovery"
    found = arm.client.get(path).json()
    assert (found["registryName"], found["primaryRegion"]) == ("catalog", "eastus")
    assert found["primaryRegionResourceProviderUri"] == f"{emulator.resource_manager}/"
    assert arm.client.get(path.replace("Catalog", "none")).status_code == 404


def test_tags_of_a_version_change_and_labels_follow_the_newest(models: Any) -> None:
    first = models.get("org-name", version="1")
    assert first.tags["modelId"] == "org/name"
    first.tags = {"modelId": "org/name"}
    models.create_or_update(first)
    assert models.get("org-name", version="1").tags == {"modelId": "org/name"}
    assert models.get("org-name", label="latest").version == "2"
    assert sorted(entry.version for entry in models.list(name="org-name")) == ["1", "2"]


def test_a_version_keeps_its_files(models: Any, arm: Any) -> None:
    id = f"{arm.group}/providers/Microsoft.MachineLearningServices/registries/catalog/models/org-name/versions/1"
    kept = arm("GET", id).json()["properties"]
    assert arm("PUT", id, {"properties": {**kept, "modelUri": "azureml://elsewhere"}}).status_code == 409


@pytest.mark.parametrize(
    ("reference", "version", "files"),
    [
        pytest.param("versions/1", "1", 1, id="version"),
        pytest.param("labels/latest", "2", 2, id="label"),
    ],
)
def test_a_deployment_names_a_model_of_a_registry(
    ml: Any, arm: Any, models: Any, without_output: Callable[[], Any], reference: str, version: str, files: int
) -> None:
    from azure.ai.ml.entities import CodeConfiguration, Environment, ManagedOnlineDeployment, ProbeSettings

    endpoint = arm.endpoint("shelf")
    probe = ProbeSettings(initial_delay=1, period=1)
    box = Environment(name="shelf-box", version="1", image="example.org/box:1", inference_config=SDK_ROUTES)
    with without_output():
        ml.online_deployments.begin_create_or_update(
            ManagedOnlineDeployment(
                name="blue",
                endpoint_name="shelf",
                model=f"azureml://registries/catalog/models/org-name/{reference}",
                environment=ml.environments.create_or_update(box).id,
                code_configuration=CodeConfiguration(code=str(CODE), scoring_script="score.py"),
                instance_type="Standard_NC24ads_A100_v4",
                instance_count=1,
                liveness_probe=probe,
                readiness_probe=probe,
            )
        ).result()
    live = arm("GET", f"{endpoint}/deployments/blue").json()["properties"]
    assert live["model"] == f"azureml://registries/catalog/models/org-name/{reference}"
    staged = ml.online_deployments.get_logs("blue", "shelf", lines=50, container_type="storage-initializer")
    (line,) = [line for line in staged.splitlines() if line.endswith(f"/org-name/{version}")]
    assert f" {files} files" in line
    arm.done("DELETE", endpoint)


def test_a_registry_that_is_not_there(ml_client: Callable[..., Any]) -> None:
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ManagedIdentityCredential

    with pytest.raises(HttpResponseError, match="Registry with name nowhere was not found"):
        ml_client(ManagedIdentityCredential(), registry_name="nowhere").models.get("x", version="1")
