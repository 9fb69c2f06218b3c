"""What a reasoning item says to the model that reads the conversation."""

from scoring.responses.request.items import Item
from scoring.responses.request.request import Sealing


def reasoning_text(item: Item, sealing: Sealing | None) -> str:
    """Return the text: what was encrypted here, else what can be read; what others have encrypted is ignored."""
    sealed = item.get("encrypted_content")
    opened = sealing.open(sealed) if sealed and sealing is not None else None
    return opened or _text(item.get("content")) or _text(item.get("summary"))


def _text(parts: list[dict[str, str]] | None) -> str:
    return "\n".join(part["text"] for part in parts or () if part.get("text"))
