"""What two fronts answered to one request, field by field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ONCE = frozenset({"id", "created"})  # differ from answer to answer
ABSENT = "(absent)"


@dataclass(frozen=True)
class Answer:
    """An answer as it came: its status, the type of its content, and its body."""

    status: int
    content_type: str
    body: bytes

    @property
    def streamed(self) -> bool:
        """Whether it is a stream of events."""
        return self.content_type.startswith("text/event-stream")

    def document(self) -> Any:
        """Return the body as JSON, or what there is instead."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode(errors="replace")

    def events(self) -> list[Any]:
        """Return the data of each event; `[DONE]` as that text."""
        lines = [event.removeprefix("data: ") for event in self.body.decode().split("\n\n") if event]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


def differences(one: Answer, other: Answer) -> Iterator[str]:
    """Yield where two answers differ, each as a place and both values."""
    if one.status != other.status:
        yield f"status: {one.status} | {other.status}"
        return
    if one.content_type.partition(";")[0] != other.content_type.partition(";")[0]:
        yield f"content-type: {one.content_type} | {other.content_type}"
        return
    if one.streamed:
        yield from _fields(joined(one.events()), joined(other.events()), "stream")
    else:
        yield from _fields(one.document(), other.document(), "")


def joined(events: list[Any]) -> dict[str, Any]:
    """Return what a stream says in all: what comes in pieces joined, and in which order the kinds of events come."""
    said: dict[str, Any] = {"order": []}
    for event in events:
        kind = _kind(event)
        if not said["order"] or said["order"][-1] != kind:
            said["order"].append(kind)
        if isinstance(event, Mapping):
            _add(said, event)
    return said


def _kind(event: Any) -> str:
    if not isinstance(event, Mapping):
        return str(event)
    if not event.get("choices"):
        return "usage" if event.get("usage") else "error" if "error" in event else "nothing"
    choice = event["choices"][0]
    return "text" if choice.get("text") else "delta"


def _add(said: dict[str, Any], event: Mapping[str, Any]) -> None:
    for name in event.keys() - {"choices"}:
        if event[name] is not None:
            said[name] = event[name]
    for choice in event.get("choices") or ():
        at = said.setdefault(f"choice {choice['index']}", {})
        for name, value in {**choice, **choice.get("delta", {})}.items():
            if name in ("index", "delta") or value is None:
                continue
            at[name] = _sum(at.get(name), value)


def _sum(before: Any, value: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        return {name: _sum(before.get(name), value.get(name)) for name in {**before, **value}}
    if isinstance(before, str | list) and isinstance(value, type(before)):
        return before + value
    return before if value is None else value


def _fields(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other} - ONCE):
            yield from _fields(one.get(name, ABSENT), other.get(name, ABSENT), f"{place}.{name}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, pair in enumerate(zip(one, other, strict=True)):
            yield from _fields(*pair, f"{place}[{position}]")
    elif not _alike(one, other):
        yield f"{place}: {_short(one)} | {_short(other)}"


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-4 * max(1.0, abs(one))
    return type(one) is type(other) and bool(one == other)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:150]
