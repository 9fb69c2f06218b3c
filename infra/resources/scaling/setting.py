"""The autoscale setting of a deployment: between which numbers of instances Azure Monitor chooses, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from infra.azure.autoscale import AUTOSCALE_API, settings_id
from infra.azure.cloud import Cloud
from infra.errors import AccessDenied
from infra.resources.azure_shapes import without_empty
from infra.resources.base import Live, Resource, State, merged_tags, owned, owner_of
from infra.resources.scaling.profiles import Scaled, in_words, profile_name, profiles
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.deployment import has_gpu

ROLE_HINT = (
    "ask an owner for the role Monitoring Contributor on the resource group (Microsoft.Insights/autoscaleSettings/"
    "{action}), or leave deployment.autoscale out"
)
OF_PEOPLE = ("notifications", "predictiveAutoscalePolicy")
"""What people may add to a setting: kept where gatelift writes it."""


@dataclass(frozen=True)
class AutoscaleSetting(Resource):
    """The setting of one deployment; its name tells the workspace, since it lies in the resource group."""

    workspace: str
    endpoint: str
    deployment: str
    instance_type: str
    spec: AutoscaleSpec
    stack: str

    kind: ClassVar[str] = "autoscale"
    updatable: ClassVar[frozenset[str]] = frozenset({"endpoint_name", "deployment", "enabled", "profiles", "tags"})
    exact: ClassVar[frozenset[str]] = frozenset({"profiles"})

    @property
    def name(self) -> str:
        """The setting's name."""
        return setting_name(self.workspace, self.endpoint, self.deployment)

    @cached_property
    def desired(self) -> State:
        """The setting with its profiles in words, which `create` and `update` write as Azure has them."""
        scaled = self._scaled(f"/{self.endpoint}", f"/{self.deployment}")  # the words have the last parts of ids alone
        state: State = {
            "name": self.name,
            "endpoint_name": self.endpoint,
            "deployment": self.deployment,
            "enabled": True,
            "profiles": {profile_name(each["name"]): in_words(each) for each in profiles(self.spec, scaled)},
        }
        return owned(state, self.stack)

    def _scaled(self, endpoint: str, deployment: str) -> Scaled:
        return Scaled(endpoint, deployment, has_gpu(self.instance_type))

    def read(self, cloud: Cloud) -> Live | None:
        """The setting; None where it does not exist."""
        document = cloud.management.get(settings_id(cloud.workspace, self.name), api_version=AUTOSCALE_API)
        return None if document is None else live_setting(document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write it; raises `AccessDenied` with the role that is needed."""
        self._put(cloud, state, {})

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write it anew, with the tags and the notifications that others have added."""
        kept = {name: live.document.get("properties", {}).get(name) for name in OF_PEOPLE}
        self._put(cloud, {**state, "tags": merged_tags(live.state["tags"], state["tags"])}, without_empty(kept))

    def _put(self, cloud: Cloud, state: State, kept: Mapping[str, Any]) -> None:
        target = cloud.workspace.deployment(self.endpoint, self.deployment)
        scaled = self._scaled(cloud.workspace.endpoint(self.endpoint), target)
        properties = {
            **kept,
            "name": self.name,
            "enabled": True,
            "targetResourceUri": target,
            "profiles": profiles(self.spec, scaled),
        }
        body = {"location": cloud.region, "tags": state["tags"], "properties": properties}
        try:
            cloud.management.put(settings_id(cloud.workspace, self.name), body, api_version=AUTOSCALE_API)
        except AccessDenied as error:
            message = f"the autoscale setting of {self.deployment} cannot be written: {error}"
            raise AccessDenied(message, hint=ROLE_HINT.format(action="write"), code=error.code) from error

    def delete(self, cloud: Cloud) -> None:
        """Delete the setting; the deployment keeps its number of instances."""
        delete_setting(cloud, self.name)


def setting_name(workspace: str, endpoint: str, deployment: str) -> str:
    """The name of a deployment's setting, in lower case."""
    return f"{workspace}-{endpoint}-{deployment}".lower()


def delete_setting(cloud: Cloud, name: str) -> None:
    """Delete a setting; it need not exist."""
    cloud.management.delete(settings_id(cloud.workspace, name), api_version=AUTOSCALE_API)


def live_setting(document: Mapping[str, Any]) -> Live:
    """Azure's document of a setting as a `Live`."""
    properties = document.get("properties", {})
    parts = str(properties.get("targetResourceUri") or "").rstrip("/").split("/")
    tags = {name: value for name, value in (document.get("tags") or {}).items() if not name.startswith("$")}
    state: State = {
        "name": str(document.get("name", "")).lower(),
        "endpoint_name": parts[-3].lower() if len(parts) > 3 else "",
        "deployment": parts[-1].lower(),
        "enabled": bool(properties.get("enabled")),
        "profiles": {profile_name(str(each.get("name"))): in_words(each) for each in properties.get("profiles") or []},
        "tags": tags,
    }
    return Live(state, owner_of(tags), document=document)


def told(document: Mapping[str, Any]) -> dict[str, Any]:
    """A setting as `status` shows it: `{"name", "deployment", "enabled", "owner", "profiles"}`, these in words."""
    live = live_setting(document)
    words = [f"{name}: {'; '.join(parts.values())}" for name, parts in live.state["profiles"].items()]
    shown = {name: live.state[name] for name in ("name", "deployment", "enabled")}
    return {**shown, "owner": live.owner, "profiles": words}
