"""Shows a plan to people, from the same document that programs read."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from infra.cli.terminal.output import Output
from infra.cli.terminal.style import Painter
from infra.planning.plan import AS_DESIRED, Plan

SYMBOLS = {
    "create": ("+", "create", "green"),
    "update": ("~", "update", "yellow"),
    "replace": ("-/+", "replace", "yellow"),
    "delete": ("-", "delete", "red"),
    "none": ("=", "none", "dim"),
}
CHANGING = ("create", "update", "replace", "delete")


def show_plan(out: Output, plan: Plan) -> None:
    """Print the plan for people; programs get it in the command's JSON object."""
    out.data(plan_text(plan.to_json(), out.paint))


def plan_text(document: Mapping[str, Any], paint: Painter) -> str:
    """The plan as lines: a symbol and a word for each change, its fields and its reason below."""
    changes: Sequence[Mapping[str, Any]] = document["changes"]
    kind_width = max((len(change["kind"]) for change in changes), default=0)
    lines = [line for change in changes for line in change_lines(change, kind_width, paint)]
    return "\n".join([*lines, "", summary(changes)]).lstrip("\n")


def change_lines(change: Mapping[str, Any], kind_width: int, paint: Painter) -> list[str]:
    """One change: what is done to what, then the reason and the fields that change."""
    symbol, word, colour = SYMBOLS[change["action"]]
    head = f"{symbol:>3} {word:<7}  {change['kind']:<{kind_width}}  {change['name']}"
    has_reason = change.get("reason") not in (None, "", AS_DESIRED)
    reason = [paint(f"      {change['reason']}", "dim")] if has_reason else []
    return [paint(head, colour), *reason, *(f"      {field_text(field)}" for field in change.get("diff", []))]


def field_text(field: Mapping[str, Any]) -> str:
    """A field that changes: its path and both values."""
    forced = "  (forces the replacement)" if field.get("forces_replace") else ""
    before = "" if field["before"] is None else f"{short(field['before'])} → "
    return f"{field['path']}: {before}{short(field['after'])}{forced}"


def short(value: Any, limit: int = 100) -> str:
    """A value in one line that fits."""
    text = (
        " ".join(str(value).split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    )
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def summary(changes: Sequence[Mapping[str, Any]]) -> str:
    """The last line: how many changes of each kind, or that there are none."""
    counts = Counter(change["action"] for change in changes)
    if not any(counts[action] for action in CHANGING):
        return "No changes."
    return "Plan: " + ", ".join(f"{counts[action]} to {action}" for action in CHANGING) + "."
