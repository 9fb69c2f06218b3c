"""A conversation says the same to the model whether the server keeps it or the client sends it again."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.responses.prompt.chat import chat_request
from scoring.responses.request.items import new_id
from scoring.responses.request.request import read_request
from tests.scoring.responses.prompt.conversations import SEALING

Items = list[dict[str, Any]]
Habit = Callable[[dict[str, Any]], dict[str, Any]]  # what a client does to items before it sends them again
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
CALL_IDS = st.sampled_from(["call_1", "call_2", "call_3"])  # few: clients use one again


def input_text(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def item(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, "id": new_id("it"), "status": "completed", **members}


CONTENTS = st.one_of(TEXTS, st.lists(TEXTS.map(input_text), max_size=3))
SAID_BEFORE = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "user", "system", "developer"]),
    CONTENTS,
)
REASONING = TEXTS.map(
    lambda text: {
        "type": "reasoning",
        "id": new_id("rs"),
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}],
        "encrypted_content": SEALING.seal(text),
    }
)
MESSAGE = TEXTS.map(lambda text: item("message", role="assistant", content=[output_text(text)]))
CALL = st.builds(
    lambda kind, call_id, text: (
        item("function_call", call_id=call_id, name="f", arguments=text)
        if kind == "function"
        else item("custom_tool_call", call_id=call_id, name="g", input=text)
        if kind == "custom"
        else item("mcp_call", server_label="s", name="h", arguments=text, output=text)
    ),
    st.sampled_from(["function", "custom", "mcp"]),
    CALL_IDS,
    TEXTS,
)
OUTPUT = st.lists(st.one_of(REASONING, MESSAGE, CALL), max_size=4)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Items, Items]]:
    """Return turns: what the client sends, with the outputs of the calls before, and what the response has given."""
    turns: list[tuple[Items, Items]] = []
    calls: Items = []
    for _ in range(draw(st.integers(1, 4))):
        sent = [
            {"type": call["type"] + "_output", "call_id": call["call_id"], "output": draw(CONTENTS)}
            for call in draw(st.permutations(calls))
            if draw(st.integers(0, 4))
        ]
        sent += draw(st.lists(SAID_BEFORE, min_size=0 if sent else 1, max_size=2))
        given = draw(OUTPUT)
        calls = [call for call in given if call["type"] in ("function_call", "custom_tool_call")]
        turns.append((sent, given))
    return turns


def without(*names: str) -> Habit:
    return lambda one: {name: value for name, value in one.items() if name not in names}


def with_nulls(one: dict[str, Any]) -> dict[str, Any]:
    return {"id": None, "status": None, "phase": None, **one}


def without_type(one: dict[str, Any]) -> dict[str, Any]:
    return without("type")(one) if one.get("type") == "message" else one


def with_text_for_content(one: dict[str, Any]) -> dict[str, Any]:
    content = one.get("content")
    if one.get("role") and isinstance(content, list) and len(content) == 1:
        return {**one, "content": content[0]["text"]}
    return one


def with_bare_parts(one: dict[str, Any]) -> dict[str, Any]:
    content = one.get("content")
    if one.get("role") and isinstance(content, list):
        return {**one, "content": [{"type": part["type"], "text": part["text"]} for part in content]}
    return one


def without_readable_reasoning(one: dict[str, Any]) -> dict[str, Any]:
    return without("content")(one) if one.get("type") == "reasoning" else one


def messages(items: Items, context: Items) -> Any:
    body = {"model": "m", "input": items, "instructions": "i", "previous_response_id": "r"}
    return chat_request(read_request(body, "m", SEALING), context)["messages"]


@pytest.mark.parametrize(
    "habits",
    [
        pytest.param([], id="as-it-came"),
        pytest.param([without("id", "status")], id="without-ids"),
        pytest.param([without("id"), with_nulls], id="with-nulls"),
        pytest.param([without_type, with_text_for_content], id="messages-as-chat-has-them"),
        pytest.param([with_bare_parts, without("id")], id="parts-with-their-text-only"),
        pytest.param([without_readable_reasoning, without("status")], id="with-encrypted-reasoning-only"),
    ],
)
@settings(deadline=None)
@given(turns=conversations())
def test_kept_here_and_sent_again(habits: list[Habit], turns: list[tuple[Items, Items]]) -> None:
    kept: Items = []
    replayed: Items = []
    for sent, response in turns:
        stateful = messages(sent, kept)
        assert messages([*replayed, *sent], []) == stateful
        kept += [*read_request({"model": "m", "input": sent}, "m").items, *response]
        replayed += [*sent, *(reduce(lambda one, habit: habit(one), habits, one) for one in response)]
