"""What the model says and thinks: messages and reasoning, whose parts grow by deltas."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring.responses.events.output import Item, Output
from scoring.responses.events.writing import Event, prefix_of

Logprobs = list[dict[str, Any]]
SUMMARY = "response.reasoning_summary_text"


@dataclass(frozen=True)
class Kind:
    """A kind of part: the item that it belongs to, its events, and the member that its text is in."""

    part: str
    item: str
    event: str
    member: str = "text"


TEXT = Kind("output_text", "message", "response.output_text")
REFUSAL = Kind("refusal", "message", "response.refusal", "refusal")
REASONING = Kind("reasoning_text", "reasoning", "response.reasoning_text")


class Part:
    """One part under way."""

    def __init__(self, output: Output, item: Item, kind: Kind) -> None:
        self.kind = kind
        self._output = output
        self._item = item
        self._pieces: list[str] = []
        self._logprobs: Logprobs = []
        self._place = {"content_index": len(item["content"])}
        self._part: dict[str, Any] = {"type": kind.part, kind.member: ""}
        if kind is TEXT:
            self._part |= {"annotations": [], "logprobs": []}
        whole = {"item_id": item["id"], "output_index": output.index_of(item), **self._place}
        plain: dict[str, Any] = {"logprobs": []} if kind is TEXT else {}
        self._prefix = prefix_of(f"{kind.event}.delta", {**whole, **plain})

    def begin(self) -> list[Event]:
        """Return `response.content_part.added`."""
        told = ("response.content_part.added", {**self._place, "part": self._part})
        events = self._output.tell(self._item, [told])
        self._item["content"].append(self._part)
        return events

    def feed(self, text: str) -> Event:
        """Return a delta: the most frequent of all events."""
        self._pieces.append(text)
        return self._output.writer.delta(self._prefix, text)

    def feed_with(self, text: str, logprobs: Logprobs) -> list[Event]:
        """Return a delta with the log probabilities of its tokens."""
        self._pieces.append(text)
        self._logprobs += logprobs
        members = {**self._place, "delta": text, "logprobs": logprobs}
        return self._output.tell(self._item, [(f"{self.kind.event}.delta", members)])

    def end(self) -> list[Event]:
        """Return the events that tell the whole part."""
        kind, part = self.kind, self._part
        part[kind.member] = "".join(self._pieces)
        done = {**self._place, kind.member: part[kind.member]}
        if kind is TEXT:
            part["logprobs"] = self._logprobs
            done["logprobs"] = self._logprobs
        whole = ("response.content_part.done", {**self._place, "part": part})
        return self._output.tell(self._item, [(f"{kind.event}.done", done), whole])


class Message:
    """A message under way."""

    def __init__(self, output: Output, id: str) -> None:
        self.part: Part | None = None
        self._output = output
        self.item: Item = {"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []}

    def turn_to(self, kind: Kind) -> list[Event]:
        """Begin a part of this kind behind the one before."""
        events = self.part.end() if self.part else []
        self.part = Part(self._output, self.item, kind)
        return events + self.part.begin()

    def end(self, status: str) -> list[Event]:
        """Return the events that end it, up to `response.output_item.done`."""
        events = self.part.end() if self.part else []
        self.item["status"] = status
        return events + self._output.done(self.item)


class Reasoning(Message):
    """Reasoning under way; with a summary where one is asked for.

    The engine makes none, so that the summary is the reasoning itself, word for word: some clients show nothing else.
    """

    def __init__(self, output: Output, id: str, *, summarise: bool, seal: Callable[[str], str] | None) -> None:
        super().__init__(output, id)
        self.item = {"type": "reasoning", "id": id, "status": "in_progress", "summary": [], "content": []}
        self._seal = seal
        self._summarise = summarise
        self._prefix = b""

    def turn_to(self, kind: Kind) -> list[Event]:
        """Begin its one part, and its summary."""
        events = super().turn_to(kind)
        if self._summarise:
            whole = {"item_id": self.item["id"], "output_index": self._output.index_of(self.item), "summary_index": 0}
            self._prefix = prefix_of(f"{SUMMARY}.delta", whole)
            events += self._tell_summary(("part.added", "part"), "")
            self.item["summary"].append({"type": "summary_text", "text": ""})
        return events

    def summary_delta(self, text: str) -> list[Event]:
        """Return what of the summary goes with a delta."""
        return [self._output.writer.delta(self._prefix, text)] if self._prefix else []

    def end(self, status: str) -> list[Event]:
        """Return the events that end it, the summary's behind its own."""
        events = self.part.end() if self.part else []
        text = self.item["content"][0]["text"]
        if self._summarise:
            self.item["summary"] = [{"type": "summary_text", "text": text}]
            events += self._tell_summary(("text.done", "text"), text) + self._tell_summary(("part.done", "part"), text)
        if self._seal is not None:
            self.item["encrypted_content"] = self._seal(text)
        self.item["status"] = status
        return events + self._output.done(self.item)

    def _tell_summary(self, what: tuple[str, str], text: str) -> list[Event]:
        kind, member = what
        value: Any = text if member == "text" else {"type": "summary_text", "text": text}
        told = (f"response.reasoning_summary_{kind}", {"summary_index": 0, member: value})
        return self._output.tell(self.item, [told])
