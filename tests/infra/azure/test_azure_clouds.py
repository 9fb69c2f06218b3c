"""Which of Azure's clouds is meant, and what it is called where."""

from pathlib import Path

import pytest
from azure.ai.ml._azure_environments import _environments  # what the SDK itself uses

from infra.azure.azure_clouds import CHINA, CLOUDS, PUBLIC, US_GOVERNMENT, AzureCloud, check_registry, find_cloud
from infra.errors import NotReady, Refused

US_CONFIG = "[cloud]\nname = AzureUSGovernment\n"
STACK = "[cloud]\nname = Hut\n"
HUT = """[AzureCloud]
subscription = x
[Hut]
endpoint_resource_manager = https://management.hut.example/
endpoint_active_directory = https://login.hut.example/
endpoint_portal = https://portal.azure.hut/
suffix_storage_endpoint = hut.example
"""


@pytest.mark.parametrize("name", [cloud.name for cloud in CLOUDS.values()])
def test_the_addresses_are_those_of_the_sdk(name: str) -> None:
    cloud, sdk = CLOUDS[name.lower()], _environments[name]
    ours = {
        "resource_manager": cloud.resource_manager,
        "active_directory": cloud.authority,
        "aml_resource_id": cloud.machine_learning,
    }
    assert ours == {key: sdk[key].rstrip("/") for key in ours}


@pytest.mark.parametrize(
    ("spec", "variable", "config", "found"),
    [
        pytest.param(None, None, "", PUBLIC, id="nothing"),
        pytest.param(None, None, US_CONFIG, US_GOVERNMENT, id="cli"),
        pytest.param(None, "AzureChinaCloud", US_CONFIG, CHINA, id="variable-before-cli"),
        pytest.param("AzureCloud", "AzureChinaCloud", US_CONFIG, PUBLIC, id="spec-before-all"),
        pytest.param(None, "usgovernment", "", US_GOVERNMENT, id="as-terraform-says"),
        pytest.param(None, "azureusgovernment", "", US_GOVERNMENT, id="case"),
    ],
)
def test_the_cloud_that_is_meant(
    tmp_path: Path, spec: str | None, variable: str | None, config: str, found: AzureCloud
) -> None:
    (tmp_path / "config").write_text(config)
    environ = {"AZURE_CONFIG_DIR": str(tmp_path)} | ({"AZURE_CLOUD": variable} if variable else {})
    assert find_cloud(spec, environ) == found


def test_a_cloud_that_was_registered_with_the_cli(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(STACK)
    (tmp_path / "clouds.config").write_text(HUT)
    cloud = find_cloud(None, {"AZURE_CONFIG_DIR": str(tmp_path)})
    assert (cloud.name, cloud.resource_manager) == ("Hut", "https://management.hut.example")
    assert cloud.scoring_scope == "https://ml.azure.hut/.default"
    assert not cloud.known


@pytest.mark.parametrize(
    ("environ", "config", "words"),
    [
        pytest.param({"AZURE_CLOUD": "AzureMoon"}, "", "unknown cloud 'AzureMoon' in AZURE_CLOUD", id="variable"),
        pytest.param({}, STACK, "unknown cloud 'Hut'", id="cli"),
        pytest.param({}, "name = x", "cannot read", id="broken-config"),
        pytest.param({"ARM_CLOUD_METADATA_URL": "http://x"}, "", "is not an https URL", id="metadata"),
    ],
)
def test_a_cloud_that_nobody_knows(tmp_path: Path, environ: dict[str, str], config: str, words: str) -> None:
    (tmp_path / "config").write_text(config)
    with pytest.raises(Refused, match=words) as error:
        find_cloud(None, {"AZURE_CONFIG_DIR": str(tmp_path), **environ})
    assert error.value.code == "unknown_cloud"
    assert error.value.hint


def test_metadata_that_does_not_answer() -> None:
    with pytest.raises(NotReady, match="gave no answer"):
        find_cloud(None, {"ARM_CLOUD_METADATA_URL": "https://127.0.0.1:9/metadata/endpoints"})


@pytest.mark.parametrize("cloud", [US_GOVERNMENT, CHINA], ids=lambda cloud: cloud.name)
def test_hugging_faces_registry_is_in_the_public_cloud_only(cloud: AzureCloud) -> None:
    model = "azureml://registries/HuggingFace/models/x/versions/1"
    with pytest.raises(Refused, match="public cloud only") as error:
        check_registry(model, cloud)
    assert error.value.code == "public_cloud_only"
    check_registry(model, PUBLIC)
    check_registry("azureml://registries/mine/models/x/versions/1", cloud)
