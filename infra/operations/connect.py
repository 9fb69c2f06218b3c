"""What clients need to reach a running endpoint: base URL, credential and model name."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotReady
from infra.parallel import Task
from infra.planning.serving import serving
from infra.resources.azure_shapes import snake
from infra.resources.base import Live
from infra.resources.endpoint import CREDENTIAL_ACTIONS
from infra.resources.scaling.parked import Parked
from infra.spec.model import StackSpec


class ConnectInfo(Struct, frozen=True):
    """What any OpenAI client needs: base URL, credential (`api_key`) and model name."""

    base_url: str
    scoring_uri: str
    api_key: str
    model: str
    endpoint: str
    deployment: str
    adapters: tuple[str, ...] = ()
    """The names of the LoRA adapters that the deployment serves beside the model."""
    parked: Parked | None = None
    """Since when none of its deployments answers, because the stack is parked."""

    def __repr__(self) -> str:
        """Base URL and model only, so that the credential is never printed."""
        return f"ConnectInfo(base_url={self.base_url!r}, model={self.model!r})"

    def to_json(self) -> dict[str, Any]:
        """What `connect --output json` prints, credential included; `adapters` and `parked` only where it is so."""
        return {
            "base_url": self.base_url,
            "scoring_uri": self.scoring_uri,
            "api_key": self.api_key,
            "model": self.model,
            "endpoint": self.endpoint,
            "deployment": self.deployment,
            **({"adapters": list(self.adapters)} if self.adapters else {}),
            **({"parked": self.parked.since} if self.parked else {}),
        }


def connect(spec: StackSpec, target: Target) -> ConnectInfo:
    """Base URL, credential and model name of the running endpoint.

    Raises `NotFound` where there is no endpoint, and `NotReady` where it has no scoring URI yet.
    """
    return connection_info(target.cloud, spec, target.entra_token)


def connection_info(
    cloud: Cloud, spec: StackSpec, entra_token: Callable[[], str], *, deployment: str = ""
) -> ConnectInfo:
    """What `connect` returns, for the deployment that serves, or for `deployment` if one is named.

    `entra_token` is called only for an endpoint whose `authMode` is `AADToken`.
    """
    name = spec.endpoint.name.lower()
    reading_credential = Task(lambda: _credential(cloud, name, spec.endpoint.auth_mode))
    found = serving(cloud, spec)
    properties = found.document.get("properties", {})
    scoring_uri = str(properties.get("scoringUri") or "")
    if not scoring_uri:
        raise NotReady(
            f"the endpoint {name} has no scoring URI yet", hint="`gatelift status` shows the endpoint's state"
        )
    parts = urlsplit(scoring_uri)
    mode = snake(properties.get("authMode") or "Key")
    credential = reading_credential.result() if mode == spec.endpoint.auth_mode else _credential(cloud, name, mode)
    deployment = deployment or found.busiest
    return ConnectInfo(
        base_url=f"{parts.scheme}://{parts.netloc}/v1",
        scoring_uri=scoring_uri,
        api_key=entra_token() if mode == "aad_token" else credential,
        model=served_name(found.deployments.get(deployment)) or spec.model.name,
        endpoint=name,
        deployment=deployment,
        adapters=adapter_names(found.deployments.get(deployment)),
        parked=found.parked,
    )


def served_name(live: Live | None) -> str:
    """The model name that clients use, from the deployment's environment variables; empty where these name none."""
    variables = live.state.get("environment_variables", {}) if live else {}
    return str(variables.get("SCORING_SERVED_MODEL_NAME") or variables.get("SCORING_MODEL") or "")


def adapter_names(live: Live | None) -> tuple[str, ...]:
    """The names of the adapters in the deployment's environment variables; none where these cannot be read."""
    told = (live.state.get("environment_variables", {}) if live else {}).get("SCORING_ADAPTERS") or "[]"
    try:
        return tuple(str(adapter["name"]) for adapter in json.loads(told))
    except (ValueError, LookupError, TypeError):
        return ()


def _credential(cloud: Cloud, endpoint: str, mode: str) -> str:
    if mode == "aad_token":
        return ""
    action = CREDENTIAL_ACTIONS.get(mode, CREDENTIAL_ACTIONS["key"])
    answer = cloud.management.post(f"{cloud.workspace.endpoint(endpoint)}/{action}")
    return str(answer.get("primaryKey") or answer.get("accessToken") or "")
