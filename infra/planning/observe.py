"""Reads what exists, all of it side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from infra.azure.cloud import Cloud
from infra.errors import NotFound
from infra.parallel import together
from infra.resources.base import PREVIOUS_TAG, Live, Resource, owner_of
from infra.resources.deployment import live_deployment
from infra.resources.traffic import positive

Key = tuple[str, str]


class Observed(Struct, frozen=True):
    """The live side of a plan."""

    location: str = ""
    live: Mapping[Key, Live | None] = field(default_factory=dict)
    deployments: Mapping[str, Live] = field(default_factory=dict)
    """Every deployment of the endpoint, ours or not."""
    traffic: Mapping[str, int] = field(default_factory=dict)

    previous: str = ""
    """The deployment that the endpoint's tag names as the one to go back to."""
    left: tuple[str, ...] = ()
    """Where the spec's endpoint does not exist: the stack's endpoints under other names."""

    def of(self, resource: Resource) -> Live | None:
        """The live state of a resource."""
        if resource.kind == "deployment":  # which of them is meant is only known once all have been read
            return self.deployments.get(resource.name)
        return self.live.get((resource.kind, resource.name))


def observe(cloud: Cloud, resources: Sequence[Resource], endpoint: str) -> Observed:
    """One round of parallel reads: the workspace, each resource, the endpoint's deployments.

    Before an endpoint is made, one more: the spec may have given it another name.
    """
    calls: list[Callable[[], Any]] = [lambda: workspace(cloud), lambda: deployments(cloud, endpoint)]
    singly = [resource for resource in resources if resource.kind != "deployment"]
    calls += [_reader(cloud, resource) for resource in singly]
    found, all_deployments, *live = together(calls)
    states = {(resource.kind, resource.name): state for resource, state in zip(singly, live, strict=True)}
    splits = [state.state["traffic"] for (kind, _), state in states.items() if kind == "traffic" and state]
    tags = [state.state["tags"] for (kind, _), state in states.items() if kind == "endpoint" and state]
    left = () if tags else tuple(_owned_endpoints(cloud))
    return Observed(
        str(found.get("location", "")),
        states,
        all_deployments,
        positive(splits[0] if splits else {}),
        str(tags[0].get(PREVIOUS_TAG, "")) if tags else "",
        left,
    )


def workspace(cloud: Cloud) -> dict[str, Any]:
    """The workspace itself; `NotFound` says what to check."""
    found = cloud.management.get(cloud.workspace.id)
    if found is None:
        where = f"{cloud.workspace.name} in resource group {cloud.workspace.resource_group}"
        hint = "check workspace in the spec; `az ml workspace list` shows yours"
        raise NotFound(f"there is no workspace {where}", hint=hint, code="workspace_not_found")
    return found


def deployments(cloud: Cloud, endpoint: str) -> dict[str, Live]:
    """The endpoint's deployments by name."""
    found = cloud.management.list(cloud.workspace.endpoint(endpoint) + "/deployments")
    return {document["name"]: live_deployment(document, endpoint) for document in found}


def _owned_endpoints(cloud: Cloud) -> list[str]:
    found = cloud.management.list(f"{cloud.workspace.id}/onlineEndpoints")
    return sorted(document["name"] for document in found if owner_of(document.get("tags")) == cloud.stack)


def _reader(cloud: Cloud, resource: Resource) -> Callable[[], Live | None]:
    return lambda: resource.read(cloud)
