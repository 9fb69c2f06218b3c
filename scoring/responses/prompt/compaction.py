"""Compaction items: what a conversation was shortened to, sealed."""

import json

from scoring.responses.request.items import Item, new_id, read_items
from scoring.responses.request.request import Sealing
from scoring.responses.request.values import invalid

NOT_OURS = "cannot be opened: it was made by another server, or with another SCORING_RESPONSES_KEY"


def compaction_item(items: list[Item], sealing: Sealing) -> Item:
    """Return an item that stands for these, which only this server can read."""
    return {"type": "compaction", "id": new_id("cmp"), "encrypted_content": sealing.seal(json.dumps(items))}


def compacted_items(item: Item, sealing: Sealing | None, place: str) -> list[Item]:
    """Return the items that a compaction item stands for. Raises `Problem` (400) for those of other servers."""
    opened = sealing.open(item["encrypted_content"]) if sealing is not None else None
    if opened is None or not opened.startswith("["):
        raise invalid(f"{place}.encrypted_content", f"{place}.encrypted_content {NOT_OURS}.")
    return read_items(json.loads(opened), place)
