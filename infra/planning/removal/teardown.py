"""Finds what `gatelift down` deletes: what is tagged with the stack's name, but shared resources only if unused."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from infra.azure.autoscale import autoscale_settings
from infra.azure.cloud import Cloud
from infra.errors import GateliftError, Refused
from infra.parallel import together
from infra.planning.apply import Step
from infra.planning.observe import deployments, workspace
from infra.planning.plan import Action, Change
from infra.planning.removal.neighbours import Neighbours, Removal
from infra.planning.removal.shared import delete, deleter, keep, named, shared_removals
from infra.planning.untagged import NOT_TAGGED, WAY_BACK, untagged
from infra.resources.base import CANARY_TAG, PARKED_TAG, PREVIOUS_TAG, Live, merged_tags, owner_of
from infra.resources.endpoint import begin_writing, live_endpoint, rewritten
from infra.resources.scaling.parked import parked_deployments, parked_in
from infra.resources.scaling.setting import AutoscaleSetting, delete_setting
from infra.resources.traffic import Traffic, nonzero
from infra.spec.model import StackSpec


def find_removals(spec: StackSpec, cloud: Cloud, *, weights: bool = False) -> list[Removal]:
    """Everything that the stack owns in the workspace, including resources that the spec no longer names.

    Without `weights`, those are kept. Raises `NotFound` where there is no such workspace.
    """
    endpoint = spec.endpoint.name.lower()
    answers: list[Any] = together(
        [lambda: workspace(cloud), lambda: _endpoints(cloud, endpoint), lambda: autoscale_settings(cloud) or []]
    )
    endpoints, settings = answers[1:]
    found: list[Removal] = [_setting(cloud, setting) for setting in settings if _owns(cloud, setting)]
    neighbours = Neighbours()
    for name, (document, live_deployments) in sorted(endpoints.items()):
        going = {each: live for each, live in live_deployments.items() if live.owner == cloud.stack}
        staying = {each: live for each, live in live_deployments.items() if live.owner != cloud.stack}
        owner = owner_of(document.get("tags"))
        neighbours.documents.append(document)
        neighbours.going.extend(going.values())
        neighbours.staying.extend(staying.values())
        if name == endpoint or going or owner == cloud.stack:
            found += _endpoint(cloud, name, document, staying, going)
        else:
            neighbours.others.append(document)
        parked = parked_deployments(cloud, document)  # what they need when they are woken is theirs now, too
        (neighbours.going if owner == cloud.stack else neighbours.staying).extend(parked)
        if owner and owner != cloud.stack and not any(live.owner == owner for live in live_deployments.values()):
            neighbours.beginning += [] if parked else [owner]
    neighbours.beginning += _changing(cloud, neighbours)
    return found + shared_removals(spec, cloud, neighbours, weights=weights)


def _owns(cloud: Cloud, setting: Mapping[str, Any]) -> bool:
    return owner_of(setting.get("tags")) == cloud.stack


def _setting(cloud: Cloud, setting: Mapping[str, Any]) -> Removal:
    """An autoscale setting goes first: it must not touch what is deleted, and Azure keeps it without its target."""
    name = str(setting["name"])
    return Removal(delete(AutoscaleSetting.kind, name), 0, partial(delete_setting, cloud, name))


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
        with_it = [Removal(delete("deployment", name, "deleted with its endpoint"), 2) for name in sorted(going)]
        return [
            *with_it,
            Removal(delete("endpoint", endpoint), 2, partial(_delete_endpoint, cloud, endpoint, document)),
        ]
    split, mirror = (nonzero(document["properties"].get(kind)) for kind in ("traffic", "mirrorTraffic"))
    found = []
    for name in sorted(going):
        if split.get(name) or mirror.get(name):
            found.append(Removal(delete("traffic", name), 0, lambda n=name: Traffic(endpoint, n).delete(cloud)))  # type: ignore[misc]
        found.append(Removal(delete("deployment", name), 1, deleter(cloud, cloud.workspace.deployment(endpoint, name))))
    others = f"others have deployments on it: {', '.join(sorted(staying))}" if staying else "it is not the stack's own"
    if live.owner == cloud.stack:
        change = Change(Action.UPDATE, "endpoint", endpoint, f"kept, without the stack's tags: {others}")
        found.append(Removal(change, 2, lambda: _disown(cloud, endpoint)))
    elif going:
        found.append(Removal(keep("endpoint", endpoint, f"kept: {others}"), 2))
    elif live.owner:
        hint = "run `gatelift down` with that stack's spec, or correct endpoint.name"
        raise Refused(f"the endpoint {endpoint} belongs to the stack {live.owner}", hint=hint, code="not_ours")
    else:
        found.append(Removal(keep("endpoint", endpoint, f"kept: {NOT_TAGGED}; {WAY_BACK} if it is this stack's"), 2))
    return found + [Removal(change, 2) for change in untagged(staying)]


def _delete_endpoint(cloud: Cloud, endpoint: str, document: Mapping[str, Any]) -> None:
    """Delete the endpoint, and before it the record of what ran on it, which nobody would find afterwards.

    There may be one although it is not parked: of a `wake` that was killed when it had all but ended.
    """
    try:
        cloud.records.delete(endpoint)
    except GateliftError:
        if parked_in(document):
            raise
    cloud.delete(cloud.workspace.endpoint(endpoint))


def _changing(cloud: Cloud, neighbours: Neighbours) -> list[str]:
    """The other stacks whose `up` is running, so that more may be referred to in a moment than is now.

    Nobody is asked before the lock of what is shared is held: until then it is only a forecast.
    """
    if not cloud.locks.orders:
        return []
    owners = {owner_of(document.get("tags")) for document in neighbours.documents}
    owners |= {live.owner for live in neighbours.staying}
    others = sorted(owners - {"", cloud.stack})
    found = together([lambda n=name: cloud.locks.is_running(n, "up") for name in others])  # type: ignore[misc]
    return [name for name, running in zip(others, found, strict=True) if running]


def _disown(cloud: Cloud, endpoint: str) -> None:
    if document := cloud.management.get(cloud.workspace.endpoint(endpoint)):
        tags = merged_tags(document.get("tags"), {})
        if tags.pop(PARKED_TAG, None):
            cloud.records.delete(endpoint)
        tags = {name: value for name, value in tags.items() if name not in (PREVIOUS_TAG, CANARY_TAG)}
        begin_writing(cloud, rewritten(document, {"tags": tags}))()


def _endpoints(cloud: Cloud, endpoint: str) -> dict[str, tuple[dict[str, Any], dict[str, Live]]]:
    """Every endpoint of the workspace with its deployments, by name."""
    documents = named(cloud, "onlineEndpoints", endpoint)
    found = together([lambda n=name: deployments(cloud, n) for name in documents])  # type: ignore[misc]
    return dict(zip(documents, zip(documents.values(), found, strict=True), strict=True))
