"""The checkers of responses and events see what is wrong with one."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scoring.responses.checking import check_events, check_response, read_events
from tests.scoring.responses.events.chats import call, ended, run, text, thought

Events = list[dict[str, Any]]
RIGHT = read_events(
    b"".join(run([thought("Hm."), text("Hi "), text("you"), call(0, "say", '{"text":'), call(0, "", '"x"}'), ended()]))
)


def at(events: Events, kind: str) -> int:
    return next(number for number, event in enumerate(events) if event["type"] == f"response.{kind}")


def numbered(events: Events) -> Events:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def without(kind: str) -> Callable[[Events], Events]:
    return lambda events: numbered([one for place, one in enumerate(events) if place != at(events, kind)])


def twice(kind: str) -> Callable[[Events], Events]:
    return lambda events: numbered(
        [*events[: at(events, kind)], *events[at(events, kind) :][:1], *events[at(events, kind) :]]
    )


def other(kind: str, **members: Any) -> Callable[[Events], Events]:
    def changed(events: Events) -> Events:
        events[at(events, kind)] |= members
        return events

    return changed


def other_end(**members: Any) -> Callable[[Events], Events]:
    def changed(events: Events) -> Events:
        events[-1]["response"] |= members
        return events

    return changed


def test_what_is_right_is_accepted() -> None:
    assert check_events(RIGHT) == RIGHT[-1]["response"]
    assert check_events(RIGHT[5:], first=5) == RIGHT[-1]["response"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("created"), id="no beginning"),
        pytest.param(without("output_item.added"), id="an item that was not added"),
        pytest.param(without("content_part.added"), id="a part that was not added"),
        pytest.param(without("output_text.delta"), id="a delta is lost"),
        pytest.param(without("function_call_arguments.delta"), id="a delta of arguments is lost"),
        pytest.param(without("output_text.done"), id="a text that is not told whole"),
        pytest.param(without("function_call_arguments.done"), id="arguments that are not told whole"),
        pytest.param(without("content_part.done"), id="a part that does not end"),
        pytest.param(without("output_item.done"), id="an item that does not end"),
        pytest.param(without("completed"), id="no end"),
        pytest.param(twice("completed"), id="two ends"),
        pytest.param(twice("output_text.delta"), id="a delta comes twice"),
        pytest.param(twice("output_item.done"), id="an item ends twice"),
        pytest.param(lambda events: [*events[:3], *events[4:]], id="a number is left out"),
        pytest.param(lambda events: numbered([*events[:-1], events[0], events[-1]]), id="begins twice"),
        pytest.param(other("output_text.delta", item_id="msg_0"), id="another item's id"),
        pytest.param(other("output_text.delta", output_index=7), id="another item's index"),
        pytest.param(other("output_text.delta", content_index=1), id="another part's index"),
        pytest.param(other("output_text.delta", delta=None), id="a delta that is no text"),
        pytest.param(other("output_text.delta", logprobs=None), id="no log probabilities"),
        pytest.param(other("output_text.done", text="other"), id="another text at its end"),
        pytest.param(other("completed", type="response.failed"), id="a failure that says completed"),
        pytest.param(other("completed", type="response.ended"), id="an event that nobody knows"),
        pytest.param(other_end(output=[]), id="the items are lost"),
        pytest.param(other_end(status="in_progress"), id="ends in progress"),
        pytest.param(other_end(error={"code": "server_error", "message": "No."}), id="completed with an error"),
        pytest.param(other_end(completed_at=None), id="completed never"),
        pytest.param(other_end(incomplete_details={"reason": "max_output_tokens"}), id="completed and cut"),
        pytest.param(other_end(tools=None), id="a null where there must be a list"),
        pytest.param(other_end(temperature="1"), id="a text where there must be a number"),
    ],
)
def test_what_is_wrong_is_seen(change: Callable[[Events], Events]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_events(change(copy.deepcopy(RIGHT)))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'event: error\ndata: {"type":"response.failed"}\n\n', id="two names"),
        pytest.param(b'data: {"type":"error"}\n\n', id="no name"),
        pytest.param(b'event: error\ndata: {"type":"error"}\n\ndata: [DONE]\n\n', id="the word that ends a chat"),
        pytest.param(b'event: error\ndata: {"type":"error"}', id="cut"),
    ],
)
def test_other_framing_is_seen(body: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        read_events(body)


def test_a_response_may_have_items_that_only_openai_knows() -> None:
    known = json.loads(json.dumps(RIGHT[-1]["response"]))
    known["output"] = [
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "n", "input": "i", "status": "completed"}
    ]
    known["tools"] = [{"type": "custom", "name": "n", "format": {"type": "text"}}]
    check_response(known)
    with pytest.raises(AssertionError):
        check_response({**known, "output": [{"type": "custom_tool_call", "id": "ctc_1"}]})
