"""Items of a conversation, as clients send them and as they are kept: one form for each type."""

import secrets
from typing import Any

Item = dict[str, Any]


def new_id(prefix: str) -> str:
    """Return an id of its own for an item (`msg`, `fc`, `rs`, …) or a response (`resp`)."""
    return f"{prefix}_{secrets.token_hex(24)}"


def read_items(given: Any) -> list[Item]:
    """Read `input`, a text or a list of items. Raises `Problem` (400) for what has no meaning, with its place."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [_message(item) if item.get("type", "message") == "message" else dict(item) for item in given]


def _message(item: Item) -> Item:
    content = item["content"]
    kind = "output_text" if item["role"] == "assistant" else "input_text"
    if isinstance(content, str):
        content = [{"type": kind, "text": content}]
    return {"type": "message", "id": item.get("id") or new_id("msg"), "status": "completed", **item, "content": content}
