"""A stored response as bytes: what clients see, the messages that led to it, and its events when it streamed."""

import json
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from scoring.engine.repairs.responses import UNFINISHED, Exchange, encode_messages

LEASE_SECONDS = 30.0
GONE = "The instance that generated this response has ended."


@dataclass
class Record:
    """One stored response; `alive_until` is when an unfinished one counts as given up (seconds since 1970)."""

    response: dict[str, Any]
    messages: dict[str, Any]
    events: list[str] | None = None
    alive_until: float = 0.0
    fields: tuple[str, ...] = field(default=("response", "messages", "events", "alive_until"), init=False, repr=False)

    @property
    def unfinished(self) -> bool:
        """Whether an instance still works on it."""
        return self.response["status"] in UNFINISHED

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it."""
        return bool(self.response["status"] == "cancelled")

    def to_bytes(self) -> bytes:
        """Return it compressed: events repeat themselves a lot."""
        return zlib.compress(json.dumps({name: getattr(self, name) for name in self.fields}).encode(), 1)


def record_of(exchange: Exchange) -> Record:
    """Return the record of an exchange as it stands."""
    events = None
    if exchange.logs_events and not exchange.unfinished:
        events = [event_text(event) for event in exchange.log]
    return Record(exchange.document(), encode_messages(exchange.messages), events, time.time() + LEASE_SECONDS)


def read_record(payload: bytes) -> Record:
    """Read a record; one that nobody works on any more has failed."""
    record = Record(**json.loads(zlib.decompress(payload)))
    if record.unfinished and record.alive_until < time.time():
        record.response |= {"status": "failed", "error": {"code": "server_error", "message": GONE}}
    return record


def event_text(event: Any) -> str:
    """Return an event as it stands in an event stream."""
    return f"event: {event.type}\ndata: {event.model_dump_json(by_alias=True)}\n\n"
