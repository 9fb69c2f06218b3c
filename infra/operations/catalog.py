"""`catalog`: publishes, lists, shows, hides and reveals the models in the workspace's catalog."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotFound, SpecError
from infra.hub.access import Hub
from infra.parallel import together
from infra.planning.desired import catalog_entry, catalog_model_name, shipped_sources
from infra.planning.plan import Action, plan_one
from infra.resources.base import Live, owner_of
from infra.resources.catalog_model import INVISIBLE_UNTIL, CatalogModel, live_model, write_model
from infra.resources.environment import Environment
from infra.spec.model import CatalogSpec, StackSpec
from infra.spec.names import is_registry_model


def catalog_publish(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Create the model's entry, or update it from the spec; returns what `catalog_show` returns.

    Raises `SpecError` where the same version exists with another model card.
    """
    cloud, resource = target.cloud, _desired_entry(spec, target.hub)
    live = resource.read(cloud)
    change = plan_one(cloud.stack, resource, live)
    if live is None:
        resource.create(cloud, resource.desired)
    elif change.action is Action.UPDATE:
        resource.update(cloud, live, resource.desired)
    elif change.action is Action.REPLACE:
        message = f"the model {resource.name} exists with another model card"
        raise SpecError(message, hint=resource.obstacle(live, {}), code="replace_refused")
    stored = resource.read(cloud)
    if stored is None:
        message = f"the model {resource.name} was deleted while it was published"
        raise NotFound(message, hint="run the command again", code="entry_not_found")
    return _described(stored, cloud.clock.utc()) | {"card": resource.card}


def catalog_list(target: Target, *, include_hidden: bool, as_of: str | None) -> list[dict[str, Any]]:
    """The newest version of each model in the workspace; hidden ones only with `include_hidden`.

    `as_of` is the time (ISO 8601, with a time zone) at which to judge visibility, None for now. An entry is
    `{"name", "model_version", "model", "visible", "invisible_until", "description", "owner", "tags"}`.
    """
    cloud = target.cloud
    names = [document["name"] for document in cloud.management.list(f"{cloud.workspace.id}/models")]
    versions = together([lambda n=name: _newest(cloud, n) for name in sorted(names)])  # type: ignore[misc]
    moment = _moment(cloud, as_of)
    entries = [_described(live, moment) for live in versions if live is not None]
    return [entry for entry in entries if include_hidden or entry["visible"]]


def catalog_show(spec: StackSpec, target: Target, *, as_of: str | None = None) -> dict[str, Any]:
    """The spec's entry as it exists, with its model card under `card`; raises `NotFound` where there is none."""
    card = _desired_entry(spec, target.hub).card
    return _described(_existing(target.cloud, spec), _moment(target.cloud, as_of)) | {"card": card}


def catalog_hide(spec: StackSpec, target: Target, until: str | None) -> dict[str, Any]:
    """Hide the spec's entry until a time (`YYYY-MM-DDTHH:MM:SS.mmmZ`); None makes it visible now."""
    cloud = target.cloud
    live = _existing(cloud, spec)
    tags = {name: value for name, value in live.state["tags"].items() if name != INVISIBLE_UNTIL}
    if until is not None:
        tags[INVISIBLE_UNTIL] = until
    id = cloud.workspace.asset("models", live.state["name"], live.state["version"])
    write_model(cloud, id, live, {"tags": tags})
    return _described(_existing(cloud, spec), cloud.clock.utc())


def is_visible(tags: Mapping[str, str], moment: datetime) -> bool:
    """Whether the time in the tag `invisibleUntil` has come; a tag that is not a time does not hide the entry."""
    try:
        return moment >= datetime.fromisoformat(tags.get(INVISIBLE_UNTIL, "0001-01-01T00:00:00.000Z"))
    except (ValueError, TypeError):
        return True


def _described(live: Live, moment: datetime) -> dict[str, Any]:
    """The entry as `catalog list` and `catalog show` print it."""
    tags = dict(live.state.get("tags") or {})
    return {
        "name": live.state["name"],
        "model_version": live.state["version"],
        "model": tags.get("modelId", ""),
        "visible": is_visible(tags, moment),
        "invisible_until": tags.get(INVISIBLE_UNTIL),
        "description": live.state.get("description") or "",
        "owner": owner_of(tags),
        "tags": tags,
    }


def _desired_entry(spec: StackSpec, hub: Hub) -> CatalogModel:
    """The entry that the spec describes; a spec without `catalog` gets the defaults."""
    if is_registry_model(spec.model.id):
        raise SpecError("a registry model is already in the catalog of its registry")
    facts = hub.model(spec.model.id, spec.model.revision, None)
    pins = Environment(shipped_sources().environment, spec.name).pins
    page = hub.page(spec.model.id)
    return catalog_entry(spec, spec.catalog or CatalogSpec(), facts, str(pins["vllm_version"]), page)


def _existing(cloud: Cloud, spec: StackSpec) -> Live:
    name = catalog_model_name(spec)
    version = spec.catalog.version if spec.catalog else None
    live = _version(cloud, name, version) if version else _newest(cloud, name)
    if live is None:
        message = f"the catalog has no entry {name}" + (f" version {version}" if version else "")
        raise NotFound(message, hint="create it with `gatelift catalog publish`", code="entry_not_found")
    return live


def _version(cloud: Cloud, name: str, version: str) -> Live | None:
    document = cloud.management.get(cloud.workspace.asset("models", name, version))
    return None if document is None else live_model(document, name, version)


def _newest(cloud: Cloud, name: str) -> Live | None:
    versions = cloud.management.list(f"{cloud.workspace.id}/models/{name}/versions")
    shown = [version for version in versions if not version.get("properties", {}).get("isArchived")]
    if not shown:
        return None
    newest = max(shown, key=lambda version: str((version.get("systemData") or {}).get("createdAt", "")))
    return live_model(newest, name, str(newest["name"]))


def _moment(cloud: Cloud, as_of: str | None) -> datetime:
    if as_of is None:
        return cloud.clock.utc()
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SpecError(f"{as_of!r} is not a time with a time zone", hint="write it as 2026-01-16T00:00:00.000Z")
    return moment
