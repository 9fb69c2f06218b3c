"""Chat messages from the items of a conversation."""

from typing import Any

from scoring.responses.request.items import Item


def messages_of(instructions: str | None, items: list[Item]) -> list[dict[str, Any]]:
    """Return the messages: instructions first, items in their order. Raises `Problem` (400) with an item's place."""
    messages = [{"role": "system", "content": instructions}] if instructions else []
    for item in items:
        text = "".join(part.get("text") or "" for part in item["content"])
        messages.append({"role": "system" if item["role"] == "developer" else item["role"], "content": text})
    return messages
