"""How clients reach a running endpoint: base URL, credential, model name."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.cloud import Cloud
from infra.errors import NotReady
from infra.resources.base import Live
from infra.serving import serving
from infra.spec import StackSpec

ENTRA_SCOPE = "https://ml.azure.com/.default"


@dataclass(frozen=True)
class ConnectInfo:
    """What any OpenAI client needs; `api_key` is hidden from `repr`."""

    base_url: str
    scoring_uri: str
    api_key: str
    model: str
    endpoint: str
    deployment: str

    def __repr__(self) -> str:
        """Everything but the key."""
        return f"ConnectInfo(base_url={self.base_url!r}, model={self.model!r})"

    def to_json(self) -> dict[str, str]:
        """As `connect --output json` prints it, key included."""
        return {
            "base_url": self.base_url,
            "scoring_uri": self.scoring_uri,
            "api_key": self.api_key,
            "model": self.model,
            "endpoint": self.endpoint,
            "deployment": self.deployment,
        }


def connection_info(cloud: Cloud, spec: StackSpec, entra_token: str = "") -> ConnectInfo:
    """Read scoring URI, credential and the serving deployment; `entra_token` is for `aad_token` endpoints."""
    name = spec.endpoint.name.lower()
    id = cloud.workspace.endpoint(name)
    found = serving(cloud, spec)
    properties = found.document.get("properties", {})
    scoring_uri = str(properties.get("scoringUri") or "")
    if not scoring_uri:
        raise NotReady(f"the endpoint {name} has no scoring URI yet", hint="`gatelift status` shows how far it is")
    parts = urlsplit(scoring_uri)
    return ConnectInfo(
        base_url=f"{parts.scheme}://{parts.netloc}/v1",
        scoring_uri=scoring_uri,
        api_key=_credential(cloud, id, str(properties.get("authMode", "Key")), entra_token),
        model=served_name(found.lives.get(found.busiest)) or spec.model.served_name or spec.model.id,
        endpoint=name,
        deployment=found.busiest,
    )


def served_name(live: Live | None) -> str:
    """The model's name for clients, as the deployment's own variables have it."""
    variables = live.state.get("environment_variables", {}) if live else {}
    return str(variables.get("SCORING_SERVED_MODEL_NAME") or variables.get("SCORING_MODEL") or "")


def _credential(cloud: Cloud, id: str, mode: str, entra_token: str) -> str:
    if mode.lower() == "aadtoken":
        return entra_token
    if mode.lower() == "amltoken":
        return str(cloud.management.post(f"{id}/token").get("accessToken", ""))
    return str(cloud.management.post(f"{id}/listKeys").get("primaryKey", ""))
