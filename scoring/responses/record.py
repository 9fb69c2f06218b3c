"""A stored response as bytes: what clients see, the items that led to it, and its events where it streamed."""

import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

from scoring.responses.request.items import Item


@dataclass
class Record:
    """One stored response; `items` are those of its conversation before its output, its own input last."""

    response: dict[str, Any]
    items: list[Item] = field(default_factory=list)
    own_items: int = 0  # how many of `items` are the request's own input
    events: list[str] | None = None

    def to_bytes(self) -> bytes:
        """Return it compressed: events repeat themselves a lot."""
        return zlib.compress(json.dumps(asdict(self)).encode(), 1)


def read_record(payload: bytes) -> Record:
    """Read a record."""
    return Record(**json.loads(zlib.decompress(payload)))
