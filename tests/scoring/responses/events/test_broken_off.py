"""Streams that nobody goes on with: cut behind any event they end in a way that clients can read."""

import copy
from typing import Any

import pytest

from scoring.responses.events.broken_off import broken_off
from tests.scoring.responses.checking import check_events, read_events
from tests.scoring.responses.events.chats import call, ended, machine_for, read, text, thought, used

ANSWERS = {
    "text": [text("Hi"), text(" you"), ended(), used(3, 4)],
    "reasoning": [thought("I see"), thought("."), text("Hi"), ended(), used(3, 4)],
    "calls": [text("Now"), call(0, "say", '{"text": '), call(0, "", '"a"}'), call(1, "say", "{}"), ended(), used(3, 4)],
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_ends_wherever_it_is_cut(answer: list[Any]) -> None:
    machine = machine_for()
    told = [*machine.queue(), *machine.begin()]
    for chunk in answer:
        told += machine.feed(read(chunk))
    events = read_events(b"".join([*told, *machine.end()]))
    first = events[0]["response"]
    for cut in range(3, len(events)):
        before = copy.deepcopy(events[:cut])
        closing, items = broken_off(copy.deepcopy(before))
        error = {"code": "server_error", "message": "gone"}
        last = {**first, "status": "failed", "error": error, "output": items}
        for kind, members in [*closing, ("response.failed", {"response": last})]:
            before.append({"type": kind, "sequence_number": len(before), **members})
        assert check_events(before)["output"] == items
