"""Reads the live state of a stack from Azure, in parallel."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from infra.azure.autoscale import Autoscale, Documents, autoscale_settings, enabled, of_endpoint
from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound
from infra.parallel import together
from infra.resources.base import PARKED_TAG, PREVIOUS_TAG, Live, Resource, owner_of
from infra.resources.canary.record import Canary, canary_of
from infra.resources.deployment import live_deployment
from infra.resources.scaling.parked import Parked, read_tag
from infra.resources.scaling.setting import ROLE_HINT, AutoscaleSetting, live_setting
from infra.resources.traffic import nonzero

Key = tuple[str, str]
NAMED_LATER = ("deployment", AutoscaleSetting.kind)  # the rollout chooses their names once everything has been read


class Observed(Struct, frozen=True):
    """The live state that a plan is made from."""

    location: str = ""
    live: Mapping[Key, Live | None] = field(default_factory=dict)
    deployments: Mapping[str, Live] = field(default_factory=dict)
    """Every deployment of the endpoint by name, whether it belongs to the stack or not."""
    traffic: Mapping[str, int] = field(default_factory=dict)
    """Each deployment's share of the requests in percent, without zeros."""
    previous: str = ""
    """The deployment to which `gatelift rollback` would go back, from the endpoint's tag."""
    other_endpoints: tuple[str, ...] = ()
    """If the spec's endpoint does not exist: the stack's endpoints under other names."""
    autoscale: Mapping[str, Autoscale] = field(default_factory=dict)
    """The autoscale settings that decide about instance counts, by deployment."""
    settings: Mapping[str, Live] = field(default_factory=dict)
    """The autoscale settings, enabled or not, that target the endpoint's deployments, by their own name."""
    autoscale_unread: bool = False
    """Whether the caller may not read autoscale settings, so that nobody knows whether one decides."""
    parked: Parked | None = None
    """Since when the stack is parked; None where it is not."""
    canary: Canary | None = None
    """How far requests have moved to a new deployment, or why they were moved back, from the endpoint's tag."""

    def of(self, resource: Resource) -> Live | None:
        """The live state of a resource, None where it does not exist."""
        if resource.kind == "deployment":
            return self.deployments.get(resource.name)
        if resource.kind == AutoscaleSetting.kind:
            return self.settings.get(resource.name)
        return self.live.get((resource.kind, resource.name))

    def is_own(self, setting: str, stack: str) -> bool:
        """Whether an autoscale setting of this name belongs to the stack."""
        live = self.settings.get(setting.lower())
        return live is not None and live.owner == stack


def observe(cloud: Cloud, resources: Sequence[Resource], endpoint: str) -> Observed:
    """Read the workspace, each resource and the endpoint's deployments in parallel.

    Where the endpoint does not exist, one more request looks for endpoints of the stack under other names. Several of
    these read the same: `cloud` reads with `ReadAhead`, so that it is asked for once.
    """
    calls: list[Callable[[], Any]] = [
        lambda: workspace(cloud),
        lambda: deployments(cloud, endpoint),
        lambda: _settings(cloud, resources),
        lambda: [] if cloud.management.get(cloud.workspace.endpoint(endpoint)) else owned_endpoints(cloud),
    ]
    others = [resource for resource in resources if resource.kind not in NAMED_LATER]
    calls += [_reader(cloud, resource) for resource in others]
    workspace_document, all_deployments, settings, other_endpoints, *live = together(calls)
    on_endpoint = of_endpoint(settings or (), endpoint)
    states = {(resource.kind, resource.name): state for resource, state in zip(others, live, strict=True)}
    splits = [state.state["traffic"] for (kind, _), state in states.items() if kind == "traffic" and state]
    tags = [state.state["tags"] for (kind, _), state in states.items() if kind == "endpoint" and state]
    return Observed(
        str(workspace_document.get("location", "")),
        states,
        all_deployments,
        nonzero(splits[0] if splits else {}),
        str(tags[0].get(PREVIOUS_TAG, "")) if tags else "",
        tuple(other_endpoints),
        enabled(on_endpoint),
        {live.state["name"]: live for live in map(live_setting, on_endpoint.values())},
        settings is None,
        read_tag(tags[0][PARKED_TAG]) if tags and tags[0].get(PARKED_TAG) else None,
        canary_of(tags[0]) if tags else None,
    )


def without_endpoint(observed: Observed) -> Observed:
    """The same state once the endpoint that is being deleted is gone, with all of its deployments."""
    live = {key: None if key[0] == "traffic" else state for key, state in observed.live.items()}
    return replace(observed, live=live, deployments={}, traffic={}, previous="", parked=None, canary=None)


def workspace(cloud: Cloud) -> dict[str, Any]:
    """The workspace's document; raises `NotFound` where there is no such workspace, group or subscription.

    Asked for where something was not found, since Azure answers 404 for what is in a missing workspace, too.
    """
    if cloud.workspace.absent:
        return {"location": cloud.workspace.location}
    document = cloud.management.get(cloud.workspace.id)
    if document is None:
        address = cloud.workspace
        where = f"{address.name} in the resource group {address.resource_group} of {address.subscription_id}"
        hint = (
            "correct `workspace` in the spec; `az ml workspace list` shows yours. A Microsoft Foundry project is one "
            "only if it belongs to a hub"
        )
        raise NotFound(f"there is no workspace {where}", hint=hint, code="workspace_not_found")
    return document


def deployments(cloud: Cloud, endpoint: str) -> dict[str, Live]:
    """The endpoint's deployments by name."""
    documents = cloud.management.list(cloud.workspace.endpoint(endpoint) + "/deployments")
    return {document["name"]: live_deployment(document, endpoint) for document in documents}


def endpoint_with_deployments(cloud: Cloud, name: str) -> tuple[dict[str, Any], dict[str, Live]]:
    """The endpoint's document and its deployments; raises `NotFound` where it, or even the workspace, is missing."""
    both: list[Any] = together(
        [lambda: cloud.management.get(cloud.workspace.endpoint(name)), lambda: deployments(cloud, name)]
    )
    document, found = both
    if document is None:
        workspace(cloud)
        raise NotFound(f"there is no endpoint {name}", hint="create it with `gatelift up`", code="endpoint_not_found")
    return document, found


def owned_endpoints(cloud: Cloud) -> list[str]:
    """The names of the endpoints that have the stack's tag."""
    documents = cloud.management.list(f"{cloud.workspace.id}/onlineEndpoints")
    return sorted(document["name"] for document in documents if owner_of(document.get("tags")) == cloud.stack)


def _reader(cloud: Cloud, resource: Resource) -> Callable[[], Live | None]:
    return lambda: resource.read(cloud)


def _settings(cloud: Cloud, resources: Sequence[Resource]) -> Documents | None:
    """The autoscale settings of the workspace; `AccessDenied` where the spec has one and they may not be read."""
    settings = autoscale_settings(cloud)
    if settings is None and any(resource.kind == AutoscaleSetting.kind for resource in resources):
        raise AccessDenied(
            "the spec has deployment.autoscale, but you may not read autoscale settings",
            hint=ROLE_HINT.format(action="read"),
            code="AuthorizationFailed",
        )
    return settings
