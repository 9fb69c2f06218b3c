"""`catalog`: publishes, lists, shows, hides and reveals models in the catalog of the workspace or of a registry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotFound, Refused, SpecError
from infra.parallel import together
from infra.planning.desired import catalog_entry, catalog_model_name, page_of, shipped_sources
from infra.planning.observe import workspace
from infra.planning.plan import Action, plan_one
from infra.planning.sources.find import find_model
from infra.planning.sources.found import Asked
from infra.redaction import redact_quoted
from infra.resources.base import Live
from infra.resources.catalog_home import entry_id, home_id, place
from infra.resources.catalog_model import INVISIBLE_UNTIL, CatalogModel, live_model, write_model
from infra.resources.environment import Environment
from infra.resources.model_card import notice
from infra.resources.weights.version import CONTENT as WEIGHTS_OF
from infra.spec.model import CatalogSpec, StackSpec


def catalog_publish(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Create the model's entry, or update it from the spec; returns what `catalog_show` returns.

    Raises `SpecError` where the same version exists with another model card, and `Refused` where the entry is of
    another stack or of somebody else and the spec does not take it over.
    """
    cloud, resource = target.cloud, _desired_entry(spec, target)
    live = resource.read(cloud)
    change = plan_one(cloud.stack, resource, live)
    if live is None:
        workspace(cloud)
    elif resource.is_of_others(live) and not resource.take_over:
        raise _of_others(resource.name, live, "`--take-over` makes it this stack's own")
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
    return _with_card(_described(stored, _home(spec, cloud), cloud.clock.utc()), resource)


def catalog_list(spec: StackSpec, target: Target, *, include_hidden: bool, as_of: str | None) -> list[dict[str, Any]]:
    """The newest version of each model where the spec publishes its own; hidden ones only with `include_hidden`.

    `as_of` is the time (ISO 8601, with a time zone) at which to judge visibility, None for now. An entry is `{"name",
    "catalog", "model_version", "model", "visible", "invisible_until", "description", "owner", "tags"}`.
    """
    cloud, home = target.cloud, _home(spec, target.cloud)
    names = [document["name"] for document in cloud.management.list(f"{home}/models")]
    if not names:
        workspace(cloud)
    versions = together([lambda n=name: _newest(cloud, home, n) for name in sorted(names)])  # type: ignore[misc]
    moment = _moment(cloud, as_of)
    entries = [_described(live, home, moment) for live in versions if live is not None]
    return [entry for entry in entries if include_hidden or entry["visible"]]


def catalog_show(spec: StackSpec, target: Target, *, as_of: str | None = None) -> dict[str, Any]:
    """The spec's entry as it exists, with its model card under `card`; raises `NotFound` where there is none."""
    resource = _desired_entry(spec, target)
    home = _home(spec, target.cloud)
    entry = _described(_existing(target.cloud, home, spec), home, _moment(target.cloud, as_of))
    return _with_card(entry, resource)


def catalog_hide(spec: StackSpec, target: Target, until: str | None) -> dict[str, Any]:
    """Hide the spec's entry until a time (`YYYY-MM-DDTHH:MM:SS.mmmZ`); None makes it visible now.

    Raises `Refused` where the entry belongs to another stack.
    """
    cloud, home = target.cloud, _home(spec, target.cloud)
    live = _existing(cloud, home, spec)
    if live.owner not in ("", cloud.stack):
        name = f"{live.state['name']}:{live.state['version']}"
        raise _of_others(name, live, "`gatelift catalog publish --take-over` makes it this stack's own first")
    tags = {name: value for name, value in live.state["tags"].items() if name != INVISIBLE_UNTIL}
    if until is not None:
        tags[INVISIBLE_UNTIL] = until
    write_model(cloud, entry_id(home, live.state["name"], live.state["version"]), live, {"tags": tags})
    return _described(_existing(cloud, home, spec), home, cloud.clock.utc())


def is_visible(tags: Mapping[str, str], moment: datetime) -> bool:
    """Whether the time in the tag `invisibleUntil` has come; a tag that is not a time does not hide the entry."""
    try:
        return moment >= datetime.fromisoformat(tags.get(INVISIBLE_UNTIL, "0001-01-01T00:00:00.000Z"))
    except (ValueError, TypeError):
        return True


def _of_others(name: str, live: Live, way_out: str) -> Refused:
    belongs = f"belongs to the stack {live.owner}" if live.owner else "was not created by gatelift"
    theirs = f"use the spec of the stack {live.owner}; or " if live.owner else ""
    return Refused(f"the catalog entry {name} {belongs}", hint=f"{theirs}{way_out}", code="not_ours")


def _home(spec: StackSpec, cloud: Cloud) -> str:
    return home_id(cloud, spec.catalog.registry if spec.catalog else None)


def _with_card(entry: dict[str, Any], resource: CatalogModel) -> dict[str, Any]:
    above = "" if entry["visible"] else notice(resource.content.model, entry["invisible_until"])
    return entry | {"card": above + resource.card}


def _described(live: Live, home: str, moment: datetime) -> dict[str, Any]:
    """The entry as `catalog list` and `catalog show` print it."""
    tags = dict(live.state.get("tags") or {})
    return {
        "name": live.state["name"],
        "catalog": place(home),
        "model_version": live.state["version"],
        "model": tags.get("modelId", ""),
        "visible": is_visible(tags, moment),
        "invisible_until": tags.get(INVISIBLE_UNTIL),
        "description": redact_quoted(live.state.get("description") or ""),
        "owner": live.owner,
        "tags": {name: redact_quoted(str(value)) for name, value in tags.items()},
    }


def _desired_entry(spec: StackSpec, target: Target) -> CatalogModel:
    """The entry that the spec describes; a spec without `catalog` gets the defaults."""
    hub = target.hub
    found = find_model(Asked(spec, target.cloud, hub, None, shipped_sources().cache))
    if found is None:
        raise SpecError("a registry model is already in the catalog of its registry")
    pins = Environment(shipped_sources().environment, spec.name).pins
    page = page_of(spec, hub)
    return catalog_entry(spec, spec.catalog or CatalogSpec(), found, str(pins["vllm_version"]), page)


def _existing(cloud: Cloud, home: str, spec: StackSpec) -> Live:
    name = catalog_model_name(spec)
    version = spec.catalog.version if spec.catalog else None
    live = _version(cloud, home, name, version) if version else _newest(cloud, home, name)
    if live is None:
        workspace(cloud)
        message = f"the catalog of the {place(home)} has no entry {name}" + (f" version {version}" if version else "")
        raise NotFound(message, hint="create it with `gatelift catalog publish`", code="entry_not_found")
    return live


def _version(cloud: Cloud, home: str, name: str, version: str) -> Live | None:
    document = cloud.management.get(entry_id(home, name, version))
    return None if document is None else live_model(cloud, document, name, version)


def _newest(cloud: Cloud, home: str, name: str) -> Live | None:
    versions = cloud.management.list(f"{home}/models/{name}/versions")
    shown = [version for version in versions if not version.get("properties", {}).get("isArchived")]
    if not shown or any(WEIGHTS_OF in (one["properties"].get("properties") or {}) for one in shown):
        return None
    newest = max(shown, key=lambda version: str((version.get("systemData") or {}).get("createdAt", "")))
    return live_model(cloud, newest, name, str(newest["name"]))


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
