"""The plan: what would change and why, computed from the desired and the live state without any request."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.digests import fingerprint
from infra.errors import Refused
from infra.planning.shown import shown
from infra.resources.base import NAMES_TAG, OWNER_TAG, Live, Resource, State

WORKING = {"Creating", "Updating", "Deleting", "Scaling"}
DELETING = "Deleting"
GOING = "is being deleted: it is made again once it is gone"
AS_DESIRED = "as desired"
NOT_COMPARED = (f"tags.{OWNER_TAG}", f"tags.{NAMES_TAG}")


class Action(StrEnum):
    """What the plan does with one resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class FieldChange(Struct, frozen=True):
    """One field that differs; `path` is dotted, with the names of the Azure ML YAML; secrets show as fingerprints."""

    path: str
    before: Any
    after: Any
    forces_replace: bool = False


class Change(Struct, frozen=True):
    """What the plan does with one resource and why; `planned_against` is a fingerprint of its live state."""

    action: Action
    kind: str
    name: str
    reason: str = ""
    diff: tuple[FieldChange, ...] = ()
    planned_against: str = ""

    @property
    def fields(self) -> list[str]:
        """The paths of the changed fields."""
        return [change.path for change in self.diff]

    def to_json(self) -> dict[str, Any]:
        """The change as `plan --output json` shows it."""
        return {
            "action": str(self.action),
            "kind": self.kind,
            "name": self.name,
            "fields": self.fields,
            "reason": self.reason,
            "diff": [
                {"path": c.path, "before": c.before, "after": c.after, "forces_replace": c.forces_replace}
                for c in self.diff
            ],
        }


class Plan(Struct, frozen=True):
    """The change of every resource of a stack, in dependency order."""

    stack: str
    changes: tuple[Change, ...]

    @property
    def has_changes(self) -> bool:
        """Whether the plan changes anything."""
        return bool(self.changing)

    @property
    def changing(self) -> set[str]:
        """The kinds of the resources that would change."""
        return {change.kind for change in self.changes if change.action is not Action.NONE}

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON; the same plan always gives the same document."""
        return {"stack": self.stack, "changes": [change.to_json() for change in self.changes]}


def make_plan(
    stack: str, resources: Sequence[Resource], live: Mapping[tuple[str, str], Live | None], leaving: Sequence[str] = ()
) -> Plan:
    """Compare each resource with what exists; `leaving` are the stack's deployments to delete."""
    changes = [plan_one(stack, resource, live.get((resource.kind, resource.name))) for resource in resources]
    reason = "the spec no longer has it"
    changes += [Change(Action.DELETE, "deployment", name, reason) for name in sorted(leaving)]
    return Plan(stack, tuple(changes))


def plan_one(stack: str, resource: Resource, live: Live | None) -> Change:
    """The change that one resource needs; raises `Refused` where it belongs to somebody else."""
    if live is None or live.provisioning == DELETING:
        new = (FieldChange(path, None, value) for path, value in leaves(resource.desired))
        reason = _remarked(GOING if live else "does not exist", resource)
        return Change(Action.CREATE, resource.kind, resource.name, reason, _shown(new), fingerprint(None))
    against = fingerprint([live.state, live.provisioning])
    if not resource.shared and live.owner not in ("", stack):
        raise _foreign(resource, f"belongs to the stack {live.owner}")
    if not resource.shared and not live.owner and "tags" in resource.desired:
        raise _foreign(resource, "exists and was not created by gatelift")
    diff = _shown(differences(resource.settle(live), live.state, resource.exact, resource.updatable))
    action, reason = _action(stack, resource, live, diff)
    if action is not Action.NONE:
        reason = _remarked(reason, resource)
    if remark := resource.remark_on(live):
        reason = remark if reason == AS_DESIRED else f"{reason}; {remark}"
    return Change(action, resource.kind, resource.name, reason, diff, against)


def _shown(changes: Iterator[FieldChange]) -> tuple[FieldChange, ...]:
    """The changes as everybody may see them: values that may be secrets as fingerprints."""
    return tuple(replace(one, **shown(one.path, one.before, one.after)) for one in changes)


def _remarked(reason: str, resource: Resource) -> str:
    return f"{reason}; {resource.remark}" if resource.remark else reason


def _action(stack: str, resource: Resource, live: Live, diff: tuple[FieldChange, ...]) -> tuple[Action, str]:
    fixed = [change.path for change in diff if change.forces_replace]
    if fixed:
        return Action.REPLACE, f"{', '.join(fixed)} cannot change in place"
    if live.provisioning in WORKING:
        return (Action.UPDATE if diff else Action.NONE), f"an operation is still running: {live.provisioning}"
    if live.provisioning in ("Failed", "Canceled"):
        return Action.UPDATE, "its last operation failed"
    if resource.takes_over(live):
        return Action.UPDATE, f"taken over from {whose(live)}"
    if diff:
        return Action.UPDATE, "differs from the spec"
    if resource.shared and not live.owner:
        return Action.NONE, "exists and was not created by gatelift: used as it is"
    if resource.shared and live.owner != stack:
        return Action.NONE, f"created by the stack {live.owner}: used as it is"
    return Action.NONE, AS_DESIRED


def whose(live: Live) -> str:
    """Who made it, for a sentence."""
    return f"the stack {live.owner}" if live.owner else "somebody else"


def differences(desired: State, live: State, exact: frozenset[str], updatable: frozenset[str]) -> Iterator[FieldChange]:
    """The fields whose desired value is not the live one.

    Fields that only the live state has are left out, since Azure or somebody else set them, except below the `exact`
    fields and for tags that gatelift set earlier. A change outside the `updatable` fields forces a replacement.
    """
    for key in sorted(desired):
        wanted = dict(leaves({key: desired[key]}))
        if key in exact:
            wanted = {**dict.fromkeys(dict(leaves({key: live.get(key) or {}}))), **wanted}
        elif key == "tags":
            wanted = {**dict.fromkeys(f"tags.{name}" for name in _own_tags(live)), **wanted}
        for path, value in sorted(wanted.items()):
            before = look_up(live, path)
            if before != value and path not in NOT_COMPARED:
                yield FieldChange(path, before, value, key not in updatable)


def leaves(state: State, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is not a mapping, with its dotted path."""
    for key, value in sorted(state.items()):
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def look_up(state: State, path: str) -> Any:
    """The value at a dotted path; keys may contain dots themselves."""
    if path in state:
        return state[path]
    for key, value in state.items():
        if path.startswith(f"{key}.") and isinstance(value, dict):
            return look_up(value, path.removeprefix(f"{key}."))
    return None


def _own_tags(live: State) -> list[str]:
    """The tags that gatelift set and that are still there."""
    tags = live.get("tags") or {}
    return [name for name in tags.get(NAMES_TAG, "").split(",") if name in tags]


def _foreign(resource: Resource, what: str) -> Refused:
    hint = "choose another name in the spec; gatelift changes only what belongs to the stack"
    if resource.kind in ("endpoint", "deployment") and "belongs" not in what:
        hint = "take it over with `gatelift adopt`, or choose another name in the spec"
    return Refused(f"the {resource.kind} {resource.name} {what}", hint=hint, code="not_ours")
