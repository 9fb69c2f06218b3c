"""Events as bytes: each with the next number of its response."""

from typing import Any

import msgspec

Event = bytes  # as it is sent: "event: …\ndata: …\n\n"; its place among all of a response is its sequence_number
Told = tuple[str, dict[str, Any]]  # an event's type and members, without number and place

encode = msgspec.json.Encoder().encode


class Writer:
    """Writes the events of one response."""

    def __init__(self) -> None:
        self.number = 0

    def event(self, kind: str, members: dict[str, Any]) -> Event:
        """Return an event of this type with these members."""
        document = {"type": kind, "sequence_number": self.number, **members}
        self.number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(document))

    def of_response(self, kinds: tuple[str, ...], response: dict[str, Any]) -> list[Event]:
        """Return events that all show the response as it stands now; it is encoded once."""
        body, events = encode(response), []
        for kind in kinds:
            name = kind.encode()
            head = b'event: %b\ndata: {"type":"%b","sequence_number":%d,"response":' % (name, name, self.number)
            events.append(b"%b%b}\n\n" % (head, body))
            self.number += 1
        return events

    def delta(self, prefix: bytes, text: str) -> Event:
        """Return a delta of text behind what `prefix_of` has returned."""
        number = self.number
        self.number = number + 1
        return b'%b%d,"delta":%b}\n\n' % (prefix, number, encode(text))


def prefix_of(kind: str, members: dict[str, Any]) -> bytes:
    """Return the beginning of all deltas of one part: everything but the number and the text."""
    return b'event: %b\ndata: %b,"sequence_number":' % (kind.encode(), encode({"type": kind, **members})[:-1])
