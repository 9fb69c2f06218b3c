"""What would change, and why: a pure function of desired and live state."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What is done to one resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True)
class FieldChange:
    """One field that differs, in AML YAML terms; secrets appear as fingerprints."""

    path: str
    before: Any
    after: Any
    forces_replace: bool = False


@dataclass(frozen=True)
class Change:
    """What one resource needs: `planned_against` is the fingerprint of the live state it was planned against."""

    action: Action
    kind: str
    name: str
    reason: str = ""
    diff: tuple[FieldChange, ...] = ()
    planned_against: str = field(default="", compare=False)

    @property
    def fields(self) -> list[str]:
        """The changed fields' paths."""
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


@dataclass(frozen=True)
class Plan:
    """Every resource of a stack and what it needs, in dependency order."""

    stack: str
    changes: tuple[Change, ...]

    @property
    def has_changes(self) -> bool:
        """Whether applying it would do anything."""
        return any(change.action is not Action.NONE for change in self.changes)

    def to_json(self) -> dict[str, Any]:
        """The plan as machines read it; the order is the same every time."""
        return {"version": 1, "stack": self.stack, "changes": [change.to_json() for change in self.changes]}
