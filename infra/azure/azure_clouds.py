"""Azure's clouds (public, US Government, China, or one that a metadata URL describes) and which one is meant.

Sources: azure-ai-ml 1.35.2 `_azure_environments.py`; `az cloud show`; Microsoft Entra "Workload identity federation"
for the audiences of assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from infra.errors import NotReady, Refused
from infra.http_client import Unreachable, Web

METADATA_URL = "ARM_CLOUD_METADATA_URL"  # as azure-ai-ml and Terraform know it
HUGGING_FACE_REGISTRY = "azureml://registries/huggingface/"
CLI_CLOUDS = "clouds.config"


class AzureCloud(Struct, frozen=True):
    """The addresses of one cloud; URLs without a slash at the end."""

    name: str
    resource_manager: str
    authority: str
    """Where Microsoft Entra ID issues tokens."""
    machine_learning: str
    """Azure ML studio, which is also the resource for which the tokens of `aad_token` endpoints are issued."""
    token_exchange: str = "api://AzureADTokenExchange"  # noqa: S105 an audience
    """The audience of the assertions of CI services."""
    known: bool = True
    """Whether azure-identity knows the cloud."""

    @property
    def management_scope(self) -> str:
        """The scope of tokens for Resource Manager."""
        return f"{self.resource_manager}/.default"

    @property
    def scoring_scope(self) -> str:
        """The scope of tokens for endpoints with `aad_token`."""
        return f"{self.machine_learning}/.default"


PUBLIC = AzureCloud(
    "AzureCloud",
    "https://management.azure.com",
    "https://login.microsoftonline.com",
    "https://ml.azure.com",
)
US_GOVERNMENT = AzureCloud(
    "AzureUSGovernment",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://ml.azure.us",
    "api://AzureADTokenExchangeUSGov",
)
CHINA = AzureCloud(
    "AzureChinaCloud",
    "https://management.chinacloudapi.cn",
    "https://login.chinacloudapi.cn",
    "https://ml.azure.cn",
    "api://AzureADTokenExchangeChina",
)
CLOUDS = {cloud.name.lower(): cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)}
# As Terraform and other tools name them.
OTHER_NAMES = {
    "public": PUBLIC,
    "azurepubliccloud": PUBLIC,
    "usgovernment": US_GOVERNMENT,
    "azureusgovernmentcloud": US_GOVERNMENT,
    "china": CHINA,
    "azurechina": CHINA,
}


def find_cloud(wanted: str | None, environ: Mapping[str, str]) -> AzureCloud:
    """The cloud that the spec names (`wanted`), or the environment, or the Azure CLI; else the public one.

    Raises `Refused` for a name that nobody knows, and `NotReady` where the metadata URL gives no answer.
    """
    if wanted:
        return _named(wanted, "`cloud` in the spec")
    if url := environ.get(METADATA_URL):
        return _described(url)
    if name := environ.get("AZURE_CLOUD"):
        return _named(name, "AZURE_CLOUD")
    return _of_cli(Path(environ.get("AZURE_CONFIG_DIR") or Path(environ.get("HOME", "~"), ".azure")).expanduser())


def check_registry(model: str, cloud: AzureCloud) -> None:
    """`Refused` for a model of Hugging Face's registry in a cloud that has no such registry."""
    if cloud in (US_GOVERNMENT, CHINA) and model.lower().startswith(HUGGING_FACE_REGISTRY):
        raise Refused(
            f"model.id {model!r}: the registry HuggingFace exists in the public cloud only, and this is {cloud.name}",
            hint="give the model's Hub id in model.id, so that its weights come from the Hub",
            code="public_cloud_only",
        )


def _named(name: str, where: str) -> AzureCloud:
    found = CLOUDS.get(name.lower()) or OTHER_NAMES.get(name.lower())
    if found is None:
        raise Refused(
            f"unknown cloud {name!r} in {where}",
            hint=f"{', '.join(cloud.name for cloud in CLOUDS.values())}; or set {METADATA_URL} to the metadata of "
            "another cloud, https://MANAGEMENT/metadata/endpoints?api-version=2022-09-01",
            code="unknown_cloud",
        )
    return found


def _described(url: str) -> AzureCloud:
    """The cloud whose Resource Manager gives its addresses at this URL."""
    hint = f"check {METADATA_URL}, or unset it for the public cloud"
    if urlsplit(url).scheme != "https":
        raise Refused(f"{METADATA_URL} is not an https URL: {url[:200]}", hint=hint, code="unknown_cloud")
    try:
        answer = Web().read(url)
        found = answer.json()
    except Unreachable as error:
        raise NotReady(f"the cloud's metadata at {url} gave no answer: {error}", hint=hint) from None
    except ValueError:
        found = None
    host = urlsplit(url).netloc.lower()
    for one in found if isinstance(found, list) else [found]:
        cloud = _from_metadata(one)
        if cloud and (not isinstance(found, list) or urlsplit(cloud.resource_manager).netloc.lower() == host):
            return CLOUDS.get(cloud.name.lower(), cloud)
    message = f"{url} has no metadata of a cloud: it answered {answer.status}"
    raise Refused(
        message, hint=f"{hint}; the URL ends in /metadata/endpoints?api-version=2022-09-01", code="unknown_cloud"
    )


def _from_metadata(found: Any) -> AzureCloud | None:
    try:
        return _custom(
            found["name"], found["resourceManager"], found["authentication"]["loginEndpoint"], found["portal"]
        )
    except (KeyError, TypeError, AttributeError):
        return None


def _custom(name: str, resource_manager: str, authority: str, portal: str) -> AzureCloud:
    suffix = (urlsplit(portal).hostname or "").removeprefix("portal.azure.")
    machine_learning = f"https://ml.azure.{suffix}"  # as azure-ai-ml derives it
    return AzureCloud(name, resource_manager.rstrip("/"), authority.rstrip("/"), machine_learning, known=False)


def _of_cli(folder: Path) -> AzureCloud:
    """The cloud of `az cloud set`."""
    settings = _read_ini(folder / "config")
    name = settings.get("cloud", {}).get("name")
    if not name or name.lower() in CLOUDS:
        return CLOUDS.get((name or PUBLIC.name).lower(), PUBLIC)
    registered = _read_ini(folder / CLI_CLOUDS).get(name, {})
    try:
        portal = registered.get("endpoint_portal", "https://portal.azure.com")
        return _custom(name, registered["endpoint_resource_manager"], registered["endpoint_active_directory"], portal)
    except KeyError:
        return _named(name, f"{folder / 'config'}, which `az cloud set` wrote")


def _read_ini(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    import configparser  # few people have such a file

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error) as error:
        hint = "repair it, or choose the cloud with AZURE_CLOUD"
        raise Refused(f"cannot read {path}: {str(error).splitlines()[0]}", hint=hint, code="unknown_cloud") from None
    return {section: dict(parser[section]) for section in parser.sections()}
