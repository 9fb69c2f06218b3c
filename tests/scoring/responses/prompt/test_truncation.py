"""What is left of a conversation that is too long for the model."""

import asyncio
from typing import Any

import pytest

from scoring.problems import Problem
from scoring.responses.prompt.chat import fitting_chat_request
from scoring.responses.request.items import read_items
from scoring.responses.request.request import read_request

SYSTEM = {"role": "system", "content": "s"}


def turn(number: int) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"u{number}"}, {"role": "assistant", "content": f"a{number}"}]


def call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": call_id}


def kept(context: list[Any], items: list[Any], room: int) -> list[str]:
    """Return what is told to a model that takes so many messages; a call is told as `f`."""
    request = read_request({"model": "m", "input": items, "previous_response_id": "r", "truncation": "auto"}, "m")
    tried = 0

    async def fits(chat: dict[str, Any]) -> bool:
        nonlocal tried
        tried += 1
        return len(chat["messages"]) <= room

    chat = asyncio.run(fitting_chat_request(request, read_items(context), fits))
    assert tried <= 2 + len(context).bit_length()
    return ["f" if "tool_calls" in message else message["content"] for message in chat["messages"]]


@pytest.mark.parametrize(
    ("context", "items", "room", "expected"),
    [
        pytest.param(turn(1), turn(2)[:1], 9, ["u1", "a1", "u2"], id="all-of-it"),
        pytest.param([*turn(1), *turn(2)], turn(3)[:1], 4, ["u2", "a2", "u3"], id="without-the-oldest-turn"),
        pytest.param([SYSTEM, *turn(1), *turn(2)], turn(3)[:1], 2, ["s", "u3"], id="the-system-stays"),
        pytest.param([*turn(1), SYSTEM, *turn(2)], turn(3)[:1], 4, ["s", "u2", "a2", "u3"], id="also-from-its-place"),
        pytest.param(turn(1), turn(2)[:1], 0, ["u2"], id="the-last-turn-stays-if-nothing-fits"),
        pytest.param(
            [turn(1)[0], call("c"), output("c"), *turn(2)],
            turn(3)[:1],
            5,
            ["u2", "a2", "u3"],
            id="a-call-and-its-output",
        ),
        pytest.param(
            [turn(1)[0], call("c"), *turn(2), output("c"), *turn(3)],
            turn(4)[:1],
            5,
            ["u2", "a2", "u3", "a3", "u4"],
            id="no-output-without-its-call",
        ),
        pytest.param(
            [
                turn(1)[0],
                {"type": "mcp_approval_request", "id": "a", "server_label": "s", "name": "f", "arguments": "{}"},
                *turn(2),
                {"type": "mcp_approval_response", "approval_request_id": "a", "approve": False},
            ],
            turn(3)[:1],
            3,
            ["u2", "a2", "u3"],
            id="no-answer-without-its-request",
        ),
        pytest.param(
            [*turn(1), *turn(2)],
            [turn(3)[0], call("c"), output("c")],
            3,
            ["u3", "f", "c"],
            id="the-last-turn-may-have-calls",
        ),
        pytest.param([], [*turn(1), *turn(2), *turn(3)[:1]], 3, ["u2", "a2", "u3"], id="stateless"),
    ],
)
def test_the_oldest_turns_go_first(context: list[Any], items: list[Any], room: int, expected: list[str]) -> None:
    assert kept(context, items, room) == expected


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 50, 101, 198, 199, 200])
def test_as_many_turns_as_fit_are_left_of_many(turns: int) -> None:
    context = [item for number in range(200) for item in turn(number)]
    left = [words for number in range(200 - turns, 200) for words in (f"u{number}", f"a{number}")]
    assert kept(context, turn(200)[:1], 2 * turns + 1) == [*left, "u200"]


def test_what_cannot_be_read_is_refused_all_the_same() -> None:
    with pytest.raises(Problem):
        kept([], [output("c")], 5)
