"""A stored response as bytes: what clients see, the items that led to it, and its events where it streams.

Behind a fixed head: the document as compressed JSON, then the events, compressed as they came, then perhaps room that
an end may need. What cannot be read is of another version, and as if it were not there.
"""

import struct
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoring.responses.events.broken_off import broken_off
from scoring.responses.events.writing import Event
from scoring.responses.request.items import Item

HEAD = struct.Struct(">4sII")  # the format, the bytes of the document, those of the events
FORMAT = b"gl-2"
LEASE_SECONDS = 30.0
SPARE_BYTES = 1024  # of an unfinished response, so that its end can be told in a full store
SMALL_WINDOW, SMALL_TABLE = 12, 5  # bits of the window and zlib's `memLevel`, for what fits into the window
UNFINISHED = ("queued", "in_progress")
GONE = "The instance that generated this response has ended."


class EventLog:
    """The events of a response under way; those of earlier looks are not compressed again."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._compressor = zlib.compressobj(1)
        self._packed = bytearray()
        self._count = 0

    def packed(self) -> bytes:
        """Return all of them compressed."""
        new = self.events[self._count :]
        if new:
            self._packed += self._compressor.compress(b"".join(new))
            self._packed += self._compressor.flush(zlib.Z_SYNC_FLUSH)
            self._count += len(new)
        return bytes(self._packed)


@dataclass
class Record:
    """One stored response.

    `items` are those of its conversation before its output, its own input last. `events` is None where it cannot be
    streamed again. Until it has `settled`, an instance works on it, and says so by `alive_until` (seconds since 1970).
    """

    response: dict[str, Any]
    items: list[Item] = field(default_factory=list)
    events: list[Event] | None = None
    alive_until: float = 0.0
    settled: bool = True

    @property
    def unfinished(self) -> bool:
        """Whether it still waits for its end, as clients see it."""
        return self.response["status"] in UNFINISHED

    def to_bytes(self, packed: bytes | None = None) -> bytes:
        """Return it compressed; `packed` are the events, where an `EventLog` has them so."""
        return self.packed(self.written(), packed)

    def written(self) -> bytes:
        """Return all but the events as JSON."""
        document = {
            "response": self.response,
            "items": self.items,
            "streams": self.events is not None,
            "alive_until": self.alive_until,
            "settled": self.settled,
        }
        return msgspec.json.encode(document)

    def packed(self, written: bytes, packed: bytes | None = None) -> bytes:
        """Return what `written` has returned compressed, with the events."""
        head = compressed(written)
        if packed is None:
            packed = b"" if self.events is None else compressed(b"".join(self.events))
        spare = b"" if self.settled else bytes(SPARE_BYTES)
        return HEAD.pack(FORMAT, len(head), len(packed)) + head + packed + spare

    def renew(self) -> None:
        """Say that somebody works on it."""
        self.alive_until = time.time() + LEASE_SECONDS

    def give_up(self) -> None:
        """Give a response that nobody works on any more its end: failed, unless it has been cancelled."""
        self.settled = True
        if self.unfinished:
            self.response |= {"status": "failed", "error": {"code": "server_error", "message": GONE}}
        if self.events is None:
            return
        closing, self.response["output"] = broken_off(map(document_of, self.events))
        kind = "response.failed" if self.response["status"] == "failed" else "response.incomplete"
        for name, members in [*closing, (kind, {"response": self.response})]:
            self.events.append(event_bytes({"type": name, "sequence_number": len(self.events), **members}))


def compressed(data: bytes) -> bytes:
    """Return it compressed; a short one with little memory, since that of a long one takes longer to clear."""
    if len(data) > 1 << SMALL_WINDOW:
        return zlib.compress(data, 1)
    compressor = zlib.compressobj(1, zlib.DEFLATED, SMALL_WINDOW, SMALL_TABLE)
    return compressor.compress(data) + compressor.flush()


def read_record(payload: bytes) -> Record | None:
    """Read a record; None where it is of another format. One that nobody works on any more has ended."""
    try:
        form, head, packed = HEAD.unpack_from(payload)
        if form != FORMAT:
            return None
        document = msgspec.json.decode(zlib.decompress(payload[HEAD.size : HEAD.size + head]))
        events = None
        if document.pop("streams"):
            text = zlib.decompressobj().decompress(payload[HEAD.size + head : HEAD.size + head + packed])
            events = [event + b"\n\n" for event in text.split(b"\n\n")[:-1]]
        record = Record(**document, events=events)
    except (struct.error, zlib.error, msgspec.DecodeError, TypeError, KeyError):
        return None
    if not record.settled and record.alive_until < time.time():
        record.give_up()
    return record


def event_bytes(event: dict[str, Any]) -> Event:
    """Return an event as it is sent."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))


def document_of(event: Event) -> dict[str, Any]:
    """Return what an event says."""
    document: dict[str, Any] = msgspec.json.decode(event.partition(b"\ndata: ")[2])
    return document


def retold(event: Event, response: dict[str, Any], kind: str | None = None) -> Event:
    """Return an event that tells a response as it stands now, perhaps by another type."""
    told = document_of(event)
    return event_bytes({**told, "type": kind or told["type"], "response": response})
