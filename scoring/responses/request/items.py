"""Items of a conversation, as clients send them and as they are kept: one form for each type."""

import secrets
from typing import Any

from scoring.responses.request.item_types import TYPES, ItemType
from scoring.responses.request.messages import read_message
from scoring.responses.request.values import invalid, refused, shown, text, without_nulls

Item = dict[str, Any]
# The type of an item that names none, by the members that only one type has.
TELLING = (
    ("role", "message"),
    ("output", "function_call_output"),
    ("arguments", "function_call"),
    ("summary", "reasoning"),
    ("id", "item_reference"),
)
STATUSES = ("in_progress", "completed", "incomplete", "failed", "calling", "generating", "interpreting", "searching")


def new_id(prefix: str) -> str:
    """Return an id of its own for an item (`msg`, `fc`, `rs`, …) or a response (`resp`)."""
    return f"{prefix}_{secrets.token_hex(24)}"


def read_items(given: Any, place: str = "input") -> list[Item]:
    """Read a text or a list of items, which lies at a place of the body.

    Raises `Problem` (400) with the place of what cannot be read.
    """
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise refused(place, given, "a text or a list of items")
    return [read_item(item, f"{place}.{at}") for at, item in enumerate(given)]


def read_item(given: Any, place: str) -> Item:
    """Read one item: `type`, `id` and `status` are put in where they are missing, null members left out."""
    if not isinstance(given, dict):
        raise refused(place, given, "an item (an object)")
    item = without_nulls(given)
    kind = item.pop("type", "")
    if kind == "":
        kind = next((kind for member, kind in TELLING if member in item), None)
    if kind is None:
        raise invalid(place, f"{place} has no type, and no role that would make it a message.")
    known = TYPES.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise invalid(f"{place}.type", f"{place}.type is no type of item that is known here: {shown(kind)}.")
    if known.refused:
        raise invalid(f"{place}.type", f"{place} is an item of type {kind}: {known.refused}.")
    kept = {"type": kind, "id": "", **item}
    kept["id"] = text()(kept["id"], f"{place}.id") or new_id(known.prefix)
    _check_status(kept, known, place)
    return read_message(kept, place) if kind == "message" else known.read(kept, place)


def _check_status(item: Item, known: ItemType, place: str) -> None:
    if known.has_status:
        item.setdefault("status", "completed")
    if "status" in item and item["status"] not in STATUSES:
        raise refused(f"{place}.status", item["status"], "completed, incomplete or in_progress")
