"""The order of a response's events: what may follow what, and that the whole is the sum of its deltas."""

from collections.abc import Mapping, Sequence
from typing import Any

ENDS = {
    "response.completed": ("completed",),
    "response.incomplete": ("incomplete", "cancelled"),
    "response.failed": ("failed",),
}
BEGINNING = ("response.created", "response.queued", "response.in_progress")
# Deltas that are joined, by the event that tells the whole: its member, and the item's member that is the same.
WHOLES = {
    "response.function_call_arguments": ("arguments", "arguments"),
    "response.mcp_call_arguments": ("arguments", "arguments"),
    "response.custom_tool_call_input": ("input", "input"),
}
PART_TEXTS = {
    "response.output_text": ("output_text", "text"),
    "response.refusal": ("refusal", "refusal"),
    "response.reasoning_text": ("reasoning_text", "text"),
    "response.reasoning_summary_text": ("summary_text", "text"),
}
Event = Mapping[str, Any]


def check_order(events: Sequence[Event]) -> None:
    """Check the whole stream of one response."""
    kinds = [event["type"] for event in events]
    begun = [kind for kind in kinds if kind in BEGINNING]
    assert kinds[0] == "response.created", f"begins with {kinds[0]}"
    assert begun == [kind for kind in BEGINNING if kind in begun], f"begins with {begun}"
    assert kinds[: len(begun)] == begun, f"begins with {kinds[:4]}"
    assert [kind for kind in kinds if kind in ENDS] == kinds[-1:], f"ends with {kinds[-3:]}"
    last = events[-1]["response"]
    assert last["status"] in ENDS[kinds[-1]], f"{kinds[-1]} says {last['status']}"
    for event in events[: len(begun)]:
        said = event["response"]
        assert (said["id"], said["output"], said["usage"]) == (last["id"], [], None), f"{event['type']} says {said}"
        assert said["status"] in ("queued", "in_progress"), f"{event['type']} says {said['status']}"
    stream = _Stream()
    for event in events[len(begun) : -1]:
        stream.take(event)
    assert not stream.open, f"never ended: {list(stream.open)}"
    assert last["output"] == stream.items(), "the last response has other items than have been told"


class _Stream:
    """The items that have been told so far."""

    def __init__(self) -> None:
        self.open: dict[int, _Item] = {}
        self.done: dict[int, Any] = {}

    def items(self) -> list[Any]:
        return [self.done[at] for at in sorted(self.done)]

    def take(self, event: Event) -> None:
        kind, at = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            assert at == len(self.open) + len(self.done), f"the next item has index {at}"
            self.open[at] = _Item(event["item"])
            return
        assert at in self.open, f"{kind} of an item that is not open: {event}"
        item = self.open[at]
        if kind == "response.output_item.done":
            item.end(event["item"])
            self.done[at] = event["item"]
            del self.open[at]
            return
        assert event["item_id"] == item.id, f"{kind} has the id of another item: {event}"
        item.take(kind, event)


class _Item:
    """One item under way."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self.id = item["id"]
        assert item.get("status", "in_progress") == "in_progress", f"added as {item['status']}"
        assert not item.get("content"), f"added with content: {item}"
        assert not item.get("summary"), f"added with a summary: {item}"
        self._first = item
        self._parts: dict[str, list[_Part]] = {"content_index": [], "summary_index": []}
        self._pieces: dict[str, list[str]] = {}
        self._wholes: dict[str, str] = {}

    def take(self, kind: str, event: Event) -> None:
        whole, _, what = kind.rpartition(".")
        if whole in WHOLES and what == "delta":
            assert event["delta"], f"a delta of nothing: {event}"
            assert whole not in self._wholes, f"{kind} behind its end"
            self._pieces.setdefault(whole, []).append(event["delta"])
        elif whole in WHOLES:
            member, same = WHOLES[whole]
            assert event[member] == "".join(self._pieces.get(whole, [])), f"is not what its deltas say: {event}"
            self._wholes[same] = event[member]
        elif what == "added":
            self._begin(event)
        elif whole in PART_TEXTS or what == "done":
            self._part(event).take(kind, event)

    def _begin(self, event: Event) -> None:
        name = "summary_index" if "summary_index" in event else "content_index"
        assert event[name] == len(self._parts[name]), f"the next part has another index: {event}"
        assert all(part.ended for part in self._parts[name]), f"a part begins before the last has ended: {event}"
        self._parts[name].append(_Part(event["part"]))

    def _part(self, event: Event) -> "_Part":
        name = "summary_index" if "summary_index" in event else "content_index"
        assert event[name] < len(self._parts[name]), f"of a part that has not begun: {event}"
        return self._parts[name][event[name]]

    def end(self, item: Mapping[str, Any]) -> None:
        parts = [part for parts in self._parts.values() for part in parts]
        assert item["id"] == self.id, f"another item ends: {item}"
        assert item["type"] == self._first["type"], f"another item ends: {item}"
        assert all(part.ended for part in parts), f"ends before its parts: {item}"
        for member, name in (("content", "content_index"), ("summary", "summary_index")):
            told = [part.whole for part in self._parts[name]]
            assert item.get(member, []) == told, f"{member} is not what has been told: {item}"
        for member, text in self._wholes.items():
            assert item[member] == text, f"{member} is not what has been told: {item}"
        missing = [whole for whole in self._pieces if WHOLES[whole][1] not in self._wholes]
        assert not missing, f"ends before its whole has been told: {missing} of {item}"


class _Part:
    """One part under way: deltas, then its whole text, then the whole part."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._kind = part["type"]
        self._pieces: list[str] = []
        self._logprobs: list[Any] = []
        self._text: str | None = None
        self.whole: Any = None
        assert not part.get("text"), f"begins with text: {part}"

    @property
    def ended(self) -> bool:
        return self.whole is not None

    def take(self, kind: str, event: Event) -> None:
        whole, _, what = kind.rpartition(".")
        assert not self.ended, f"{kind} behind the end of its part"
        if whole not in PART_TEXTS:  # content_part.done, reasoning_summary_part.done
            self._end(event["part"])
            return
        part, member = PART_TEXTS[whole]
        assert part == self._kind, f"{kind} of a part of the type {self._kind}"
        assert self._text is None, f"{kind} behind the end of its text"
        if what == "delta":
            assert event["delta"], f"a delta of nothing: {event}"
            self._pieces.append(event["delta"])
            self._logprobs += event.get("logprobs", [])
            return
        self._text = event[member]
        assert self._text == "".join(self._pieces), f"is not what its deltas say: {event}"
        assert event.get("logprobs", []) == self._logprobs, f"has other log probabilities than its deltas: {event}"

    def _end(self, part: Mapping[str, Any]) -> None:
        member = "refusal" if self._kind == "refusal" else "text"
        assert part["type"] == self._kind, f"ends as another part: {part}"
        assert part[member] == self._text, f"ends with another text: {part}"
        assert part.get("logprobs", []) == self._logprobs, f"ends with other log probabilities: {part}"
        self.whole = part
