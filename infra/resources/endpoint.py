"""The managed online endpoint: its name, authentication, identity, and permission to read secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.errors import Refused
from infra.resources.azure_shapes import pascal, snake, without_empty
from infra.resources.base import DESCRIBED, NAMES_TAG, Live, Resource, State, Wait, merged_tags, owned, owner_of
from infra.spec.model import EndpointSpec

ENFORCE = "enforce_access_to_default_secret_stores"
OFF = "disabled"
MANAGED = "managed"
CREDENTIAL_ACTIONS = {"key": "listKeys", "aml_token": "token"}
"""The action that returns the endpoint's credential, by `auth_mode`; an `aad_token` comes from Microsoft Entra ID."""
AUTH_MODES = {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}


@dataclass(frozen=True)
class Endpoint(Resource):
    """An endpoint, without its traffic, which is another resource."""

    spec: EndpointSpec
    stack: str

    kind: ClassVar[str] = "endpoint"
    # Azure sets the identity and its permission to read secrets only when an endpoint is created, never later.
    updatable: ClassVar[frozenset[str]] = frozenset({"tags", "description", "auth_mode", "public_network_access"})

    @property
    def name(self) -> str:
        """The endpoint's name in lower case, as Azure stores it."""
        return self.spec.name.lower()

    @cached_property
    def desired(self) -> State:
        """The endpoint as Azure ML YAML."""
        identity: State = {"type": self.spec.identity.type}
        if self.spec.identity.user_assigned_identities:
            ids = self.spec.identity.user_assigned_identities
            identity["user_assigned_identities"] = [{"resource_id": id} for id in ids]
        state: State = {
            "name": self.name,
            "auth_mode": self.spec.auth_mode,
            "identity": identity,
            "public_network_access": self.spec.public_network_access,
            "description": self.spec.description,
            "properties": self._secret_access(),
            "tags": dict(self.spec.tags),
        }
        return owned(
            {name: value for name, value in state.items() if value not in (None, {}) or name == "tags"}, self.stack
        )

    def _secret_access(self) -> dict[str, str]:
        """On by default, and not set when off; Azure refuses the property with a user-assigned identity."""
        if self.spec.identity.type == "user_assigned" or self.spec.enforce_access_to_default_secret_stores == OFF:
            return {}
        return {ENFORCE: "enabled"}

    def settle(self, live: Live) -> State:
        """What the spec says, with three exceptions that a comparison of the fields would miss.

        The identity keeps its live spelling if only the case differs; access to secrets that the spec turned off, and
        a description that it no longer has, are set explicitly.
        """
        state = dict(self.desired)
        if str(live.state.get("identity")).lower() == str(state["identity"]).lower():
            state["identity"] = live.state["identity"]
        if not self._secret_access() and live.state.get("properties", {}).get(ENFORCE) == "enabled":
            state["properties"] = {ENFORCE: OFF}
        ours = DESCRIBED in live.state["tags"].get(NAMES_TAG, "").split(",")
        if ours and live.state.get("description") and not self.spec.description:
            state["description"] = ""
        return state

    def read(self, cloud: Cloud) -> Live | None:
        """The endpoint; None where it does not exist."""
        document = cloud.management.get(cloud.workspace.endpoint(self.name))
        if document is None:
            return None
        if document.get("properties", {}).get("compute") or (document.get("kind") or MANAGED).lower() != MANAGED:
            message = f"the endpoint {self.name} runs on Kubernetes, and gatelift knows managed endpoints only"
            raise Refused(message, hint="choose another endpoint.name", code="not_managed")
        return live_endpoint(document)

    def create(self, cloud: Cloud, state: State) -> Wait:
        """Create it; returns once Azure has accepted it, which refuses a name that is taken."""
        return begin_writing(cloud, state)

    def update(self, cloud: Cloud, live: Live, state: State) -> Wait:
        """Change it, keeping the traffic and what others set as they are now, not as they were when it was planned."""
        return begin_writing(cloud, with_live(state, self.read(cloud) or live))

    def resume(self, cloud: Cloud, live: Live) -> None:
        """Wait for the operation of an earlier run."""
        cloud.poller.wait_for_running(live.document)

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """An endpoint must not be replaced: its deployments, keys and traffic would be lost."""
        return "choose another endpoint.name, or delete this endpoint first with `gatelift down`"

    def delete(self, cloud: Cloud) -> None:
        """Delete the endpoint and its deployments."""
        cloud.delete(cloud.workspace.endpoint(self.name))


def live_endpoint(document: Mapping[str, Any]) -> Live:
    """Azure's document of an endpoint as a `Live`."""
    properties = document.get("properties", {})
    identity = document.get("identity") or {}
    state: State = {
        "name": document.get("name"),
        "auth_mode": snake(properties.get("authMode") or ""),
        "identity": without_empty(
            {
                "type": snake(identity.get("type") or "SystemAssigned"),
                "user_assigned_identities": [
                    {"resource_id": id} for id in sorted(identity.get("userAssignedIdentities") or {})
                ],
            }
        ),
        "public_network_access": (properties.get("publicNetworkAccess") or "Enabled").lower(),
        "description": properties.get("description"),
        "properties": dict(properties.get("properties") or {}),
        "tags": dict(document.get("tags") or {}),
    }
    provisioning = str(properties.get("provisioningState", "Succeeded"))
    return Live(state, owner_of(state["tags"]), provisioning, document)


def begin_writing(cloud: Cloud, state: State) -> Wait:
    """Write the state as Azure's document; returns a function that waits for the operation."""
    properties = {
        "authMode": AUTH_MODES[state["auth_mode"]],
        "publicNetworkAccess": state["public_network_access"].capitalize(),
        "description": state.get("description") or None,
        "properties": state.get("properties"),
        "traffic": state.get("traffic"),
        "mirrorTraffic": state.get("mirror_traffic"),
    }
    identity: State = {"type": pascal(state["identity"]["type"])}
    if assigned := state["identity"].get("user_assigned_identities"):
        identity["userAssignedIdentities"] = {item["resource_id"]: {} for item in assigned}
    body = {
        "location": cloud.region,
        "tags": state["tags"],
        "identity": identity,
        "properties": {name: value for name, value in properties.items() if value is not None},
    }
    operation = cloud.begin(lambda: cloud.management.begin_put(cloud.workspace.endpoint(state["name"]), body))
    return lambda: cloud.poller.wait(operation)


def rewritten(document: Mapping[str, Any], changes: State) -> State:
    """The state to write in order to change some fields of a live endpoint and keep the others."""
    live = live_endpoint(document)
    same = {name: value for name, value in live.state.items() if value is not None}
    return {**with_live(same, live), "tags": live.state["tags"], **changes}


def with_live(state: State, live: Live) -> State:
    """The state, with the live endpoint's traffic, description, properties and tags, which a PUT would remove."""
    properties = live.document.get("properties", {})
    kept = {"traffic": properties.get("traffic") or {}, "mirror_traffic": properties.get("mirrorTraffic") or {}}
    others = {name: value for name, value in live.state["properties"].items() if not name.startswith("azureml.")}
    return {
        "description": properties.get("description"),
        **state,
        **{name: value for name, value in kept.items() if value},
        "properties": {**others, **state.get("properties", {})},
        "tags": merged_tags(live.state["tags"], state["tags"]),
    }
