"""Finds what `gatelift down` deletes: what is tagged with the stack's name, but shared resources only if unused."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import NotFound, Refused
from infra.parallel import together
from infra.planning.apply import Step
from infra.planning.desired import catalog_model_name
from infra.planning.observe import deployments
from infra.planning.plan import Action, Change
from infra.planning.token_access import token_spec
from infra.resources import code_asset, environment
from infra.resources.asset_versions import remove_version
from infra.resources.base import PREVIOUS_TAG, Live, merged_tags, owner_of
from infra.resources.catalog_home import entry_id, home_id, owner_here
from infra.resources.endpoint import begin_writing, live_endpoint, rewritten
from infra.resources.identity_roles import ROLES, IdentityRole
from infra.resources.traffic import Traffic, nonzero
from infra.spec.model import StackSpec

CONNECTION_REFERENCE = re.compile(r"azureml://connections/([^/}]+)")
SHARED_ASSETS = {"code": ("codes", code_asset.NAME), "environment": ("environments", environment.NAME)}


class Removal(Struct, frozen=True):
    """One resource to delete; lower waves go first, and `run` is None for a resource that is kept."""

    change: Change
    wave: int
    run: Callable[[], None] | None = None


class ReferringDeployments(Struct, frozen=True):
    """The workspace's deployments, which use assets and connections: those to be deleted and those that stay."""

    going: list[Live]
    staying: list[Live]


def find_removals(spec: StackSpec, cloud: Cloud) -> list[Removal]:
    """Everything that the stack owns in the workspace, including resources that the spec no longer names."""
    endpoint, connection = spec.endpoint.name.lower(), token_spec(spec).connection
    calls: list[Callable[[], Any]] = [
        lambda: _endpoints(cloud, endpoint),
        lambda: {kind: _versions(cloud, *where) for kind, where in SHARED_ASSETS.items()},
        lambda: _entries(cloud, spec),
        lambda: _named(cloud, "connections", connection),
    ]
    endpoints, assets, entries, connections = together(calls)
    found: list[Removal] = []
    referring = ReferringDeployments([], [])
    others: list[dict[str, Any]] = []
    for name, (document, live_deployments) in sorted(endpoints.items()):
        going = {each: live for each, live in live_deployments.items() if live.owner == cloud.stack}
        staying = {each: live for each, live in live_deployments.items() if live.owner != cloud.stack}
        if name == endpoint or going or owner_of(document.get("tags")) == cloud.stack:
            found += _endpoint(cloud, name, document, staying, going)
        else:
            others.append(document)
        referring.going.extend(going.values())
        referring.staying.extend(staying.values())
    found += entries
    for kind, versions in assets.items():
        found += _assets(cloud, kind, versions, referring)
    found += [
        removal
        for id in spec.endpoint.identity.user_assigned_identities
        for kind in ROLES
        for removal in _role(cloud, kind(id, cloud.stack), others)
    ]
    owners = {owner_of(document.get("tags")) for document, _ in endpoints.values()}
    for name, document in sorted(connections.items()):
        if name == connection or owner_of(document["properties"].get("metadata")) == cloud.stack:
            found += _connection(cloud, document, owners, referring)
    return found


def to_steps(removals: list[Removal]) -> list[Step]:
    """The deletions as steps: each wave waits for the ones before it."""
    steps: list[Step] = []
    waves: list[int] = []
    for item in sorted((item for item in removals if item.run), key=lambda item: item.wave):
        before = frozenset(index for index, wave in enumerate(waves) if wave < item.wave)
        steps.append(Step(item.change, item.run or (lambda: None), before))
        waves.append(item.wave)
    return steps


def _endpoint(
    cloud: Cloud, endpoint: str, document: dict[str, Any], staying: Mapping[str, Live], going: Mapping[str, Live]
) -> list[Removal]:
    live = live_endpoint(document)
    if live.owner == cloud.stack and not staying:
        with_it = [Removal(_delete("deployment", name, "deleted with its endpoint"), 2) for name in sorted(going)]
        return [
            *with_it,
            Removal(_delete("endpoint", endpoint), 2, _deleter(cloud, cloud.workspace.endpoint(endpoint))),
        ]
    split, mirror = (nonzero(document["properties"].get(kind)) for kind in ("traffic", "mirrorTraffic"))
    found = []
    for name in sorted(going):
        if split.get(name) or mirror.get(name):
            found.append(Removal(_delete("traffic", name), 0, lambda n=name: Traffic(endpoint, n).delete(cloud)))  # type: ignore[misc]
        found.append(
            Removal(_delete("deployment", name), 1, _deleter(cloud, cloud.workspace.deployment(endpoint, name)))
        )
    others = f"others have deployments on it: {', '.join(sorted(staying))}" if staying else "it is not the stack's own"
    if live.owner == cloud.stack:
        change = Change(Action.UPDATE, "endpoint", endpoint, f"kept, without the stack's tags: {others}")
        found.append(Removal(change, 2, lambda: _disown(cloud, endpoint)))
    elif going:
        found.append(Removal(_keep("endpoint", endpoint, f"kept: {others}"), 2))
    elif live.owner:
        hint = "run `gatelift down` with that stack's spec, or correct endpoint.name"
        raise Refused(f"the endpoint {endpoint} belongs to the stack {live.owner}", hint=hint, code="not_ours")
    return found


def _disown(cloud: Cloud, endpoint: str) -> None:
    if document := cloud.management.get(cloud.workspace.endpoint(endpoint)):
        tags = merged_tags(document.get("tags"), {})
        tags.pop(PREVIOUS_TAG, None)
        begin_writing(cloud, rewritten(document, {"tags": tags}))()


def _entries(cloud: Cloud, spec: StackSpec) -> list[Removal]:
    """The stack's entries in the workspace's catalog, and in that of the registry that the spec names."""
    registry = spec.catalog.registry if spec.catalog else None
    name = catalog_model_name(spec)
    found = []
    for home in dict.fromkeys([cloud.workspace.id, home_id(cloud, registry)]):
        for document in cloud.management.list(f"{home}/models/{name}/versions"):
            if owner_here(cloud, document["properties"].get("tags") or {}) == cloud.stack:
                id = entry_id(home, name, document["name"])
                found.append(Removal(_delete("model", _asset_name(id)), 3, _remover(cloud, id)))
    return found


def _assets(cloud: Cloud, kind: str, versions: list[dict[str, Any]], referring: ReferringDeployments) -> list[Removal]:
    found = []
    for document in versions:
        name = _asset_name(document["id"])
        reference = f"azureml:{name}"
        owner = owner_of(document["properties"].get("tags"))
        if owner != cloud.stack and not (owner and _uses(referring.going, reference)):
            continue
        if _uses(referring.staying, reference):
            found.append(Removal(_keep(kind, name, "kept: another stack uses it"), 3))
        else:
            found.append(Removal(_delete(kind, name), 3, _remover(cloud, document["id"])))
    return found


def _connection(
    cloud: Cloud, document: dict[str, Any], owners: set[str], referring: ReferringDeployments
) -> list[Removal]:
    name = document["name"]
    owner = owner_of(document["properties"].get("metadata"))
    if owner != cloud.stack and not (owner and _refers(referring.going, name) and owner not in owners):
        whose = f"the stack {owner}" if owner else "somebody else"
        return [Removal(_keep("connection", name, f"kept: it belongs to {whose}"), 3)]
    if _refers(referring.staying, name):
        return [Removal(_keep("connection", name, "kept: another stack uses it"), 3)]
    reason = (
        "belongs to the stack" if owner == cloud.stack else f"left over from the stack {owner}; nothing else uses it"
    )
    return [Removal(_delete("connection", name, reason), 3, _deleter(cloud, cloud.workspace.connection(name)))]


def _refers(deployments: list[Live], connection: str) -> bool:
    return any(
        connection in CONNECTION_REFERENCE.findall(str(live.state.get("environment_variables"))) for live in deployments
    )


def _role(cloud: Cloud, role: IdentityRole, others: list[dict[str, Any]]) -> list[Removal]:
    try:
        live = role.read(cloud)
    except NotFound:  # the identity no longer exists, nor do its role assignments
        return []
    if live is None or live.owner != cloud.stack:
        return []
    for other in others:
        used = [id.lower() for id in (other.get("identity") or {}).get("userAssignedIdentities") or {}]
        if role.identity.lower() in used:
            return [Removal(_keep("role", role.name, f"kept: the endpoint {other['name']} uses it"), 3)]
    return [Removal(_delete("role", role.name), 3, lambda: role.delete(cloud))]


def _endpoints(cloud: Cloud, endpoint: str) -> dict[str, tuple[dict[str, Any], dict[str, Live]]]:
    """Every endpoint of the workspace with its deployments, by name."""
    documents = _named(cloud, "onlineEndpoints", endpoint)
    found = together([lambda n=name: deployments(cloud, n) for name in documents])  # type: ignore[misc]
    return dict(zip(documents, zip(documents.values(), found, strict=True), strict=True))


def _named(cloud: Cloud, collection: str, name: str) -> dict[str, dict[str, Any]]:
    """All resources of a collection by name; `name` is also read on its own, since Azure's list may be out of date."""
    id = f"{cloud.workspace.id}/{collection}"
    both: list[Any] = together([lambda: cloud.management.list(id), lambda: cloud.management.get(f"{id}/{name}")])
    listed, one = both
    found: dict[str, dict[str, Any]] = {each["name"]: each for each in listed if each["name"].lower() != name.lower()}
    return {**found, name: one} if one else found


def _versions(cloud: Cloud, collection: str, name: str) -> list[dict[str, Any]]:
    return cloud.management.list(f"{cloud.workspace.id}/{collection}/{name}/versions")


def _uses(deployments: list[Live], reference: str) -> bool:
    return any(
        reference in (live.state.get("environment"), live.state.get("code_configuration", {}).get("code"))
        for live in deployments
    )


def _asset_name(id: str) -> str:
    parts = id.split("/")
    return f"{parts[-3]}:{parts[-1]}"


def _delete(kind: str, name: str, reason: str = "belongs to the stack") -> Change:
    return Change(Action.DELETE, kind, name, reason)


def _keep(kind: str, name: str, reason: str) -> Change:
    return Change(Action.NONE, kind, name, reason)


def _deleter(cloud: Cloud, id: str) -> Callable[[], None]:
    return lambda: cloud.delete(id)


def _remover(cloud: Cloud, id: str) -> Callable[[], None]:
    return lambda: remove_version(cloud, id)
