"""Chunks of a chat answer, written down as a test wants them, and a machine that they are fed to."""

import itertools
import json
from typing import Any

from scoring.responses.events.chunks import Chunk, decode_chunk
from scoring.responses.events.machine import Machine, new_response
from scoring.responses.events.writing import Event
from scoring.responses.request.request import read_request

NOW = 1_800_000_000
TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("say", "look")]
Document = dict[str, Any]


def text(content: str, **more: Any) -> Document:
    """A chunk with some content."""
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None, **more}]}


def thought(reasoning: str) -> Document:
    """A chunk with some reasoning."""
    return {"choices": [{"index": 0, "delta": {"reasoning": reasoning}, "finish_reason": None}]}


def call(index: int, name: str = "", arguments: str | None = None, id: str | None = None) -> Document:
    """A chunk with a piece of a call."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value}
    piece = {"index": index, "id": id, "type": "function", "function": function}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [piece]}, "finish_reason": None}]}


def ended(reason: str = "stop") -> Document:
    """The last chunk of an answer."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def used(read: int, answered: int, **more: Any) -> Document:
    """The chunk with the usage."""
    usage = {"prompt_tokens": read, "completion_tokens": answered, "total_tokens": read + answered, **more}
    return {"choices": [], "usage": usage}


def read(document: Document) -> Chunk:
    """A chunk as it comes from an engine."""
    return decode_chunk(json.dumps(document).encode())


def machine_for(seal: Any = None, **asked: Any) -> Machine:
    """A machine for a request with two functions, and with these members."""
    request = read_request({"model": "m", "input": "go", "tools": TOOLS, **asked}, "m")
    numbers = itertools.count(1)
    response = new_response("resp_1", NOW - 1, request.said)
    return Machine(response, request.tools, lambda prefix: f"{prefix}_{next(numbers)}", lambda: NOW, seal)


def run(chunks: list[Document], **asked: Any) -> list[Event]:
    """All events of a response to these chunks."""
    machine = machine_for(**asked)
    events = machine.begin()
    for chunk in chunks:
        events += machine.feed(read(chunk))
    return events + machine.end()
