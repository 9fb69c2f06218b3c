"""How a response ends: exactly one terminal event, whatever happens, and nothing behind it."""

from typing import Any

import pytest

from scoring.responses.events.machine import Machine
from scoring.responses.events.writing import Event
from tests.scoring.responses.checking import check_events, check_response, read_events
from tests.scoring.responses.events.chats import call, ended, machine_for, read, text, thought, used

STARTS: dict[str, list[Any]] = {
    "before anything": [],
    "within reasoning": [thought("Hm")],
    "within a message": [thought("Hm"), text("Hi")],
    "within arguments": [text("Hi"), call(0, "say", '{"te')],
    "within two calls": [call(0, "say", '{"te'), call(1, "look", "{}")],
}


def fed(chunks: list[Any]) -> tuple[Machine, list[Event]]:
    machine = machine_for()
    events = machine.begin()
    for chunk in chunks:
        events += machine.feed(read(chunk))
    return machine, events


def last_of(events: list[Event]) -> dict[str, Any]:
    return check_events(read_events(b"".join(events)))


@pytest.mark.parametrize("chunks", [pytest.param(chunks, id=name) for name, chunks in STARTS.items()])
def test_a_response_fails_where_the_engine_dies(chunks: list[Any]) -> None:
    machine, events = fed(chunks)
    last = last_of(events + machine.end("The engine has died."))
    assert last["status"] == "failed"
    assert last["error"] == {"code": "server_error", "message": "The engine has died."}
    assert [item["status"] for item in last["output"]][-1:] in ([], ["incomplete"], ["completed"])
    assert last == machine.response


@pytest.mark.parametrize("chunks", [pytest.param(chunks, id=name) for name, chunks in STARTS.items()])
def test_a_cancelled_response_ends_as_incomplete_event(chunks: list[Any]) -> None:
    machine, events = fed(chunks)
    events += machine.cancel()
    assert read_events(events[-1])[0]["type"] == "response.incomplete"
    last = last_of(events)
    assert (last["status"], last["error"], last["incomplete_details"]) == ("cancelled", None, None)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda machine: machine.end(), id="completed"),
        pytest.param(lambda machine: machine.end("No."), id="failed"),
        pytest.param(lambda machine: machine.cancel(), id="cancelled"),
    ],
)
def test_nothing_follows_the_end(end: Any) -> None:
    machine, events = fed([text("Hi"), ended()])
    last_of(events + end(machine))
    response = dict(machine.response)
    later = [machine.feed(read(text("!"))), machine.end("Late."), machine.cancel(), machine.end_answer()]
    assert later == [[], [], [], []]
    assert machine.begin() == machine.queue() == []
    assert machine.response == response


def test_what_was_cut_and_then_fails_has_failed() -> None:
    machine, events = fed([text("Hi"), ended("length")])
    last = last_of(events + machine.end("No room.", "rate_limit_exceeded"))
    assert (last["status"], last["incomplete_details"]) == ("failed", None)
    assert last["error"]["code"] == "rate_limit_exceeded"


def test_a_failure_keeps_the_usage_that_is_known() -> None:
    machine, events = fed([thought("Hm") | {"usage": used(3, 1)["usage"]}])
    usage = last_of(events + machine.end("No."))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (3, 1)


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        pytest.param(["queue", "begin", "end"], ["created", "queued", "in_progress", "completed"], id="in turn"),
        pytest.param(["begin", "end"], ["created", "in_progress", "completed"], id="at once"),
        pytest.param(["queue", "cancel"], ["created", "queued", "incomplete"], id="cancelled in the queue"),
        pytest.param(["cancel"], ["created", "in_progress", "incomplete"], id="cancelled before all"),
        pytest.param(["queue", "begin", "begin", "end"], ["created", "queued", "in_progress", "completed"], id="twice"),
    ],
)
def test_a_place_in_the_queue(steps: list[str], kinds: list[str]) -> None:
    machine = machine_for()
    events = [event for step in steps for event in getattr(machine, step)()]
    last_of(events)
    assert [event["type"] for event in read_events(b"".join(events))] == [f"response.{kind}" for kind in kinds]


def test_several_answers_make_one_response() -> None:
    machine, events = fed([text("Wait."), call(0, "look", "{}"), ended(), used(3, 4)])
    events += machine.end_answer()
    listed = {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []}
    events += machine.add(listed)
    events += machine.tell(
        listed, [("response.mcp_list_tools.in_progress", {}), ("response.mcp_list_tools.completed", {})]
    )
    events += machine.done(listed)
    for chunk in (call(0, "say", "{}"), text("Done."), ended(), used(5, 6)):
        events += machine.feed(read(chunk))
    last = last_of(events + machine.end())
    assert [item["type"] for item in last["output"]] == [
        "message", "function_call", "mcp_list_tools", "function_call", "message",
    ]  # fmt: skip
    assert (last["usage"]["input_tokens"], last["usage"]["output_tokens"]) == (8, 10)


def test_what_still_waits_ends_with_the_response() -> None:
    machine, events = fed([])
    waiting = {
        "type": "mcp_call", "id": "mcp_1", "status": "in_progress", "server_label": "s", "name": "n", "arguments": "",
    }  # fmt: skip
    events += machine.add(waiting)
    last = last_of(events + machine.end("No."))
    assert last["output"][0]["status"] == "incomplete"
    check_response(machine.response)


def test_the_end_of_an_answer_without_a_word_is_not_the_end_of_all() -> None:
    machine, events = fed([call(0, "look", "{}"), ended(), used(3, 4)])
    events += machine.end_answer()
    last = last_of(events + machine.end())
    assert [item["type"] for item in last["output"]] == ["function_call"]
