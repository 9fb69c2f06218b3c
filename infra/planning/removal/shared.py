"""Finds which of what stacks share `gatelift down` deletes: the stack's own that nobody else refers to."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound
from infra.parallel import together
from infra.planning.desired import catalog_model_name
from infra.planning.plan import Action, Change
from infra.planning.readers import reads
from infra.planning.removal.neighbours import Entry, Neighbours, Removal, asset_name, owner_words
from infra.planning.removal.weights import is_weights, weights_removals
from infra.planning.token_access import token_spec
from infra.planning.untagged import NOT_TAGGED
from infra.resources import code_asset, environment
from infra.resources.asset_versions import remove_version
from infra.resources.base import Live, owner_of
from infra.resources.catalog_home import entry_id, home_id
from infra.resources.catalog_model import WEIGHTS, live_model, lost_tags
from infra.resources.identity_roles import AUTHORIZATION_API, SecretsRole, assigned_by
from infra.resources.weights.version import asset_of
from infra.spec.model import StackSpec

SHARED_ASSETS = {"code": ("codes", code_asset.NAME), "environment": ("environments", environment.NAME)}


def shared_removals(spec: StackSpec, cloud: Cloud, neighbours: Neighbours, *, weights: bool) -> list[Removal]:
    """The stack's catalog entries, weights, assets, roles and connections, and which of them are kept.

    `weights` says whether the person wants the weights removed, too.
    """
    connection = token_spec(spec).connection
    calls: list[Callable[[], Any]] = [
        lambda: _all_entries(spec, cloud),
        lambda: {kind: _versions(cloud, *where) for kind, where in SHARED_ASSETS.items()},
        lambda: list(_roles(spec, cloud, neighbours)),
        lambda: named(cloud, "connections", connection),
    ]
    entries, assets, roles, connections = together(calls)
    cards = [entry for entry in entries if not is_weights(entry.live)]
    found = [removal for entry in cards for removal in _entry(spec, cloud, entry, neighbours)]
    brought = [entry for entry in entries if is_weights(entry.live)]
    found += weights_removals(cloud, brought, neighbours, remove=weights)
    for kind, versions in assets.items():
        found += _assets(cloud, kind, versions, neighbours)
    found += roles
    for name, document in sorted(connections.items()):
        if name == connection or owner_of(document["properties"].get("metadata")) == cloud.stack:
            found.append(_connection(cloud, document, neighbours))
    return found


def _all_entries(spec: StackSpec, cloud: Cloud) -> list[Entry]:
    """Every model version of the workspace, where an earlier spec may have named its entry otherwise.

    Of the registry that the spec names, which may be large, only the versions of the entry that the spec names.
    """
    name = catalog_model_name(spec)
    models = {each["name"] for each in cloud.management.list(f"{cloud.workspace.id}/models")} | {name}
    places = [(cloud.workspace.id, each) for each in sorted(models)]
    if registry := spec.catalog and spec.catalog.registry:
        places.append((home_id(cloud, registry), name))
    found = together([partial(cloud.management.list, f"{home}/models/{each}/versions") for home, each in places])
    return [
        Entry(entry_id(home, model, document["name"]), live_model(cloud, document, model, document["name"]))
        for (home, model), versions in zip(places, found, strict=True)
        for document in versions
    ]


def _entry(spec: StackSpec, cloud: Cloud, entry: Entry, neighbours: Neighbours) -> Iterator[Removal]:
    name, live = asset_name(entry.id), entry.live
    if live.owner == cloud.stack:
        tags = live.state["tags"]
        user = next((each for each in neighbours.staying if _serves(each, tags)), None)
        if user is not None:
            yield Removal(keep("model", name, f"kept: {owner_words(user)} serves this model"), 3)
        elif neighbours.beginning:
            yield Removal(keep("model", name, neighbours.beginners), 3)
        else:
            yield Removal(delete("model", name), 3, remover(cloud, entry.id))
    elif lost_tags(live) and live.state["name"] == catalog_model_name(spec):
        reason = f"kept: {NOT_TAGGED}, and visible; `gatelift catalog publish` gives it its tags again"
        yield Removal(keep("model", name, reason), 3)


def _serves(live: Live, tags: dict[str, str]) -> bool:
    """Whether a deployment serves an entry's model: downloaded, mounted as the entry says, or as a copy of the Hub."""
    model, revision = tags.get("modelId", ""), tags.get("revision", "")
    mounts = {tags.get(WEIGHTS), f"azureml:{asset_of(model)}:{revision[:12]}"} - {None}
    variables = live.state.get("environment_variables") or {}
    downloads = (variables.get("SCORING_MODEL"), variables.get("SCORING_REVISION")) == (model, revision)
    return bool(live.owner) and (downloads or live.state.get("model") in mounts)


def _assets(cloud: Cloud, kind: str, versions: list[dict[str, Any]], neighbours: Neighbours) -> Iterator[Removal]:
    for document in versions:
        name = asset_name(document["id"])
        reference = f"azureml:{name}"
        owner = owner_of(document["properties"].get("tags"))
        if owner != cloud.stack and not (owner and _user(neighbours.going, reference)):
            continue
        if user := _user(neighbours.staying, reference):
            yield Removal(keep(kind, name, f"kept: {owner_words(user)} uses it"), 3)
        elif neighbours.beginning:
            yield Removal(keep(kind, name, neighbours.beginners), 3)
        else:
            yield Removal(delete(kind, name), 3, remover(cloud, document["id"]))


def _connection(cloud: Cloud, document: dict[str, Any], neighbours: Neighbours) -> Removal:
    name = document["name"]
    owner = owner_of(document["properties"].get("metadata"))
    owners = {owner_of(each.get("tags")) for each in neighbours.documents}
    if owner != cloud.stack:
        used = any(reads(live, name) for live in neighbours.going)
        if not owner or not used or owner in owners:
            whose = f"the stack {owner}" if owner else "somebody else"
            return Removal(keep("connection", name, f"kept: it belongs to {whose}"), 3)
    if user := next((live for live in neighbours.staying if reads(live, name)), None):
        return Removal(keep("connection", name, f"kept: {owner_words(user)} uses it"), 3)
    if neighbours.beginning:
        return Removal(keep("connection", name, neighbours.beginners), 3)
    left_over = f"left over from the stack {owner}; nothing else uses it"
    reason = "belongs to the stack" if owner == cloud.stack else left_over
    return Removal(delete("connection", name, reason), 3, deleter(cloud, cloud.workspace.connection(name)))


def _roles(spec: StackSpec, cloud: Cloud, neighbours: Neighbours) -> Iterator[Removal]:
    """The role assignments that the stack made, also for identities that an earlier spec named."""
    wanted = spec.endpoint.identity.user_assigned_identities
    try:
        found = assigned_by(cloud)
    except AccessDenied:
        if wanted:
            raise
        return
    names = _identity_names(neighbours.documents)
    for id in wanted if found else ():
        try:
            role = SecretsRole(id, cloud.stack)
            names[role.principal(cloud)] = role.identity_name
        except NotFound:  # the identity no longer exists, nor do its role assignments
            continue
    for role_name, assignment in found:
        principal = str(assignment["properties"]["principalId"])
        name = f"{names.get(principal, principal)} ({role_name})"
        user = next((each for each in neighbours.others if principal in _identity_names([each])), None)
        if user:
            yield Removal(keep("role", name, f"kept: the endpoint {user['name']} uses it"), 3)
        else:
            yield Removal(delete("role", name), 3, _role_deleter(cloud, assignment["id"]))


def _role_deleter(cloud: Cloud, id: str) -> Callable[[], None]:
    return lambda: cloud.management.delete(id, api_version=AUTHORIZATION_API)


def _identity_names(documents: list[dict[str, Any]]) -> dict[str, str]:
    """The names of the user-assigned identities of endpoints, by principal id."""
    return {
        str(one.get("principalId")): id.rpartition("/")[2]
        for document in documents
        for id, one in ((document.get("identity") or {}).get("userAssignedIdentities") or {}).items()
    }


def _user(deployments: list[Live], reference: str) -> Live | None:
    """A deployment that uses an asset; None where none does."""
    for live in deployments:
        if reference in (live.state.get("environment"), live.state.get("code_configuration", {}).get("code")):
            return live
    return None


def named(cloud: Cloud, collection: str, name: str) -> dict[str, dict[str, Any]]:
    """All resources of a collection by name; `name` is also read on its own, since Azure's list may be out of date."""
    id = f"{cloud.workspace.id}/{collection}"
    both: list[Any] = together([lambda: cloud.management.list(id), lambda: cloud.management.get(f"{id}/{name}")])
    listed, one = both
    found: dict[str, dict[str, Any]] = {each["name"]: each for each in listed if each["name"].lower() != name.lower()}
    return {**found, name: one} if one else found


def delete(kind: str, name: str, reason: str = "belongs to the stack") -> Change:
    """The change that deletes a resource."""
    return Change(Action.DELETE, kind, name, reason)


def keep(kind: str, name: str, reason: str) -> Change:
    """The change that leaves a resource, and why."""
    return Change(Action.NONE, kind, name, reason)


def deleter(cloud: Cloud, id: str) -> Callable[[], None]:
    """What deletes the resource of this id."""
    return lambda: cloud.delete(id)


def _versions(cloud: Cloud, collection: str, name: str) -> list[dict[str, Any]]:
    return cloud.management.list(f"{cloud.workspace.id}/{collection}/{name}/versions")


def remover(cloud: Cloud, id: str) -> Callable[[], None]:
    """What deletes the asset version of this id, or archives it where Azure deletes none."""
    return lambda: remove_version(cloud, id)
