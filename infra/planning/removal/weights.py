"""Decides about weights in the workspace: `down` keeps them, since others may want them and they took long to bring."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from infra.azure.cloud import Cloud
from infra.planning.plan import Action, Change
from infra.planning.removal.neighbours import Entry, Neighbours, Removal, asset_name, owner_words
from infra.resources.asset_versions import remove_version
from infra.resources.base import Live
from infra.resources.catalog_model import write_model
from infra.resources.weights.version import BYTES, CONTENT, GOING, in_words

COMMAND = "`gatelift down --weights` removes them from the workspace's storage"


def is_weights(live: Live) -> bool:
    """Whether a model version is weights that gatelift brought."""
    return CONTENT in live.state["properties"]


def weights_removals(
    cloud: Cloud, entries: Sequence[Entry], neighbours: Neighbours, *, remove: bool
) -> Iterator[Removal]:
    """The stack's own weights, and those that only it used and whose stack is gone; kept unless `remove`."""
    owners = neighbours.owners
    for entry in entries:
        name, owner = asset_name(entry.id), entry.live.owner
        left_over = bool(owner) and owner not in owners and _user(neighbours.going, name) is not None
        if owner != cloud.stack and not left_over:
            continue
        size = in_words(_size(entry.live))
        if user := _user(neighbours.staying, name):
            yield _kept(name, f"kept: {owner_words(user)} uses it")
        elif neighbours.beginning:
            yield _kept(name, neighbours.beginners)
        elif not remove:
            costs = "" if cloud.local else ", which cost money"
            yield _kept(name, f"kept: {size}{costs}; {COMMAND}")
        else:
            reason = f"{size}, with the files in the workspace's storage; folders of this machine stay as they are"
            yield Removal(Change(Action.DELETE, "weights", name, reason), 3, partial(_remove, cloud, entry))


def _remove(cloud: Cloud, entry: Entry) -> None:
    """Delete the files, then the version; while that goes on, the version says that it is not whole any more."""
    properties: dict[str, Any] = entry.live.document["properties"]
    write_model(cloud, entry.id, entry.live, {"tags": {**entry.live.state["tags"], GOING: "true"}})
    cloud.assets.remove(str(properties["modelUri"]))
    remove_version(cloud, entry.id)


def _kept(name: str, reason: str) -> Removal:
    return Removal(Change(Action.NONE, "weights", name, reason), 3)


def _size(live: Live) -> int:
    size = str(live.state["properties"].get(BYTES, ""))
    return int(size) if size.isdecimal() else 0


def _user(deployments: Sequence[Live], name: str) -> Live | None:
    """A deployment that mounts a version or reads an adapter from it; None where none does."""
    asset, _, version = name.rpartition(":")
    for live in deployments:
        adapters = str((live.state.get("environment_variables") or {}).get("SCORING_ADAPTERS", ""))
        if live.state.get("model") == f"azureml:{name}" or f"/{asset}/{version}/" in adapters:
            return live
    return None
