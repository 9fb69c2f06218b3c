"""The end of a stream of events that nobody goes on with: what is open in it ends as it stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Told = tuple[str, dict[str, Any]]
# Texts within parts: by the part's type, the stem of its text's events, the member, and the stem of its own.
PARTS = {
    "output_text": ("response.output_text", "text", "response.content_part"),
    "refusal": ("response.refusal", "refusal", "response.content_part"),
    "reasoning_text": ("response.reasoning_text", "text", "response.content_part"),
    "summary_text": ("response.reasoning_summary_text", "text", "response.reasoning_summary_part"),
}
TEXTS = {stem: member for stem, member, _ in PARTS.values()}
# Texts of whole items: by the stem of their events, the member.
WHOLES = {
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
INDICES = {"content_index": "content", "summary_index": "summary"}


@dataclass
class _Open:
    """An item that has begun; its parts by the name of their index and their number."""

    item: dict[str, Any]
    parts: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    told: set[tuple[str, int]] = field(default_factory=set)  # those whose text has been told whole
    whole: str = ""  # the stem of the events of its own text, until that is told whole

    def take(self, event: Event) -> None:
        stem, _, what = event["type"].rpartition(".")
        index = next((name for name in INDICES if name in event), "content_index")
        place = (index, event.get(index, 0))
        if what == "added":
            self.parts[place] = event["part"]
            self.item.setdefault(INDICES[index], []).append(event["part"])
        elif stem in TEXTS and what == "delta":
            self._add(self.parts[place], TEXTS[stem], event)
        elif stem in TEXTS:
            self.told.add(place)
        elif stem in WHOLES:
            self.whole = stem if what == "delta" else ""
            self.item[WHOLES[stem]] = (self.item[WHOLES[stem]] + event["delta"]) if self.whole else event[WHOLES[stem]]
        elif what == "done" and "part" in event:
            self.item[INDICES[index]][event[index]] = event["part"]
            self.parts.pop(place, None)

    def end(self, at: int) -> Iterator[Told]:
        for (index, number), part in self.parts.items():
            stem, member, own = PARTS[part["type"]]
            place = {"item_id": self.item["id"], "output_index": at, index: number}
            logprobs = {"logprobs": part["logprobs"]} if "logprobs" in part else {}
            if (index, number) not in self.told:
                yield f"{stem}.done", {**place, member: part[member], **logprobs}
            yield f"{own}.done", {**place, "part": part}
        if self.whole:
            named = {"name": self.item["name"]} if self.whole == "response.function_call_arguments" else {}
            member = WHOLES[self.whole]
            place = {"item_id": self.item["id"], "output_index": at}
            yield f"{self.whole}.done", {**place, member: self.item[member], **named}
        if "status" in self.item:
            self.item["status"] = "incomplete"
        yield "response.output_item.done", {"output_index": at, "item": self.item}

    def _add(self, part: dict[str, Any], member: str, event: Event) -> None:
        part[member] += event["delta"]
        if "logprobs" in part:
            part["logprobs"] = part["logprobs"] + event.get("logprobs", [])


def broken_off(events: Iterable[Event]) -> tuple[list[Told], list[dict[str, Any]]]:
    """Return the types and members of the events that end what is open in a stream, and all items as they end."""
    items: dict[int, dict[str, Any]] = {}
    open_items: dict[int, _Open] = {}
    for event in events:
        at = event.get("output_index")
        if at is None:
            continue
        if event["type"] == "response.output_item.added":
            open_items[at] = _Open(event["item"])
            items[at] = event["item"]
        elif event["type"] == "response.output_item.done":
            items[at] = event["item"]
            open_items.pop(at, None)
        elif at in open_items:
            open_items[at].take(event)
    told = [one for at, opened in open_items.items() for one in opened.end(at)]
    return told, [items[at] for at in sorted(items)]
