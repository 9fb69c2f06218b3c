"""From the chunks of a chat answer to items and events, case by case."""

import json
from typing import Any

import pytest

from tests.scoring.responses.checking import check_events, read_events
from tests.scoring.responses.events.chats import NOW, call, ended, machine_for, read, run, text, thought, used

X = '{"text":"x"}'


def items_of(response: Any) -> list[str]:
    """Return the items of a response in words: type, status if it is not completed, and what is in it."""
    told = []
    for item in response["output"]:
        what = [part.get("text", part.get("refusal")) for part in item.get("content", [])]
        what = [f"{item['name']} {item['arguments']}"] if item["type"] == "function_call" else what
        status = "" if item["status"] == "completed" else f" {item['status']}"
        told.append(f"{item['type']}{status}: {'|'.join(what)}")
    return told


def response_of(chunks: list[Any], **asked: Any) -> dict[str, Any]:
    return check_events(read_events(b"".join(run(chunks, **asked))))


@pytest.mark.parametrize(
    ("chunks", "items"),
    [
        pytest.param([text(""), text("Hi"), text(" you"), ended()], ["message: Hi you"], id="a message"),
        pytest.param([text("100 %b %d"), ended()], ["message: 100 %b %d"], id="a text like a format"),
        pytest.param([text('"\\\n\u2028é😀'), ended()], ['message: "\\\n\u2028é😀'], id="a text that is escaped"),
        pytest.param([thought("Hm."), text("Hi"), ended()], ["reasoning: Hm.", "message: Hi"], id="reasoning before"),
        pytest.param(
            [text("Hi"), thought("Hm."), text("you"), ended()],
            ["message: Hi", "reasoning: Hm.", "message: you"],
            id="reasoning behind a text",
        ),
        pytest.param(
            [{"choices": [{"delta": {"reasoning": "Hm.", "content": "Hi"}, "finish_reason": "stop"}]}],
            ["reasoning: Hm.", "message: Hi"],
            id="all in one chunk",
        ),
        pytest.param(
            [call(0, "say", X, "a"), ended("tool_calls")], [f"function_call: say {X}"], id="a call in one chunk"
        ),
        pytest.param(
            [text("Wait."), call(0, "say"), call(0, "", X), ended("tool_calls")],
            ["message: Wait.", f"function_call: say {X}"],
            id="a call behind a text",
        ),
        pytest.param(
            [call(0, "say", X), text("Done."), ended()],
            [f"function_call: say {X}", "message: Done."],
            id="a text behind a call",
        ),
        pytest.param(
            [call(0, "say", X), call(1, "look", "{}"), ended()],
            [f"function_call: say {X}", "function_call: look {}"],
            id="two calls",
        ),
        pytest.param(
            [call(0, "say", '{"te'), call(1, "look", "{"), call(0, "", 'xt":"x"}'), call(1, "", "}"), ended()],
            [f"function_call: say {X}", "function_call: look {}"],
            id="two calls in turns",
        ),
        pytest.param(
            [call(0, "", '{"text":'), call(0, "say", '"x"}'), ended()],
            [f"function_call: say {X}"],
            id="a name behind arguments",
        ),
        pytest.param([call(0, "look"), ended()], ["function_call: look {}"], id="a call without arguments"),
        pytest.param([call(0, "fly", "{}"), ended()], ["function_call: fly {}"], id="a function nobody declared"),
        pytest.param(
            [thought("Hm."), text("\n"), text("\n"), call(0, "look", "{}"), text("\n"), ended()],
            ["reasoning: Hm.", "function_call: look {}"],
            id="white space around a call",
        ),
        pytest.param([text(" \n"), text("Hi"), ended()], ["message:  \nHi"], id="white space before a text"),
        pytest.param([text(" \n"), ended()], ["message:  \n"], id="nothing but white space"),
        pytest.param([thought("\n\n"), text("Hi"), ended()], ["message: Hi"], id="reasoning of white space"),
        pytest.param([text(""), ended()], ["message: "], id="an answer of nothing"),
        pytest.param([thought("Hm."), ended()], ["reasoning: Hm.", "message: "], id="nothing behind reasoning"),
        pytest.param(
            [{"choices": [{"delta": {"refusal": "No."}}]}, ended()], ["message: No."], id="a refusal"
        ),
        pytest.param(
            [text("Well. "), {"choices": [{"delta": {"refusal": "No."}}]}, ended()],
            ["message: Well. |No."],
            id="a refusal behind a text",
        ),
    ],
)  # fmt: skip
def test_a_chat_answer_becomes_these_items(chunks: list[Any], items: list[str]) -> None:
    response = response_of(chunks)
    assert items_of(response) == items
    assert (response["status"], response["completed_at"]) == ("completed", NOW)


@pytest.mark.parametrize(
    ("chunks", "items"),
    [
        pytest.param([text("Hi"), ended("length")], ["message incomplete: Hi"], id="within a message"),
        pytest.param([thought("Hm"), ended("length")], ["reasoning incomplete: Hm"], id="within reasoning"),
        pytest.param([thought("\n"), ended("length")], ["reasoning incomplete: \n"], id="before reasoning"),
        pytest.param(
            [thought("Hm"), text("\n"), ended("length")], ["reasoning: Hm", "message incomplete: \n"], id="behind it"
        ),
        pytest.param(
            [call(0, "say", '{"te'), ended("length")], ['function_call incomplete: say {"te'], id="within arguments"
        ),
        pytest.param([call(0, "say", X), ended("length")], [f"function_call: say {X}"], id="behind arguments"),
        pytest.param(
            [call(0, "look", "{}"), call(1, "say"), ended("length")],
            ["function_call: look {}", "function_call incomplete: say "],
            id="before arguments",
        ),
        pytest.param([text(""), ended("length")], [], id="before anything"),
    ],
)
def test_where_the_budget_ends(chunks: list[Any], items: list[str]) -> None:
    response = response_of([*chunks, used(3, 4)])
    assert items_of(response) == items
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["usage"]["output_tokens"] == 4


def test_a_filtered_answer_says_so() -> None:
    response = response_of([text("Hi"), ended("content_filter")])
    assert response["incomplete_details"] == {"reason": "content_filter"}
    assert items_of(response) == ["message incomplete: Hi"]


def test_the_order_of_the_events() -> None:
    events = read_events(b"".join(run([thought("Hm."), text("Hi"), call(0, "say", X), ended()])))
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip


def test_a_call_ends_when_the_next_one_begins() -> None:
    machine = machine_for()
    machine.feed(read(call(0, "say", X)))
    told = read_events(b"".join(machine.feed(read(call(1, "look", "{")))))
    assert [event["type"] for event in told][:2] == [
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]


def test_a_call_keeps_the_id_that_the_model_gave_it() -> None:
    (item,) = response_of([call(0, "say", X, "functions.say:0"), ended()])["output"]
    assert item["call_id"] == "functions.say:0"


def test_a_summary_is_the_reasoning_itself_where_one_is_asked_for() -> None:
    chunks = [thought("Hm"), thought("."), text("Hi"), ended()]
    events = read_events(b"".join(run(chunks, reasoning={"summary": "auto"})))
    reasoning = check_events(events)["output"][0]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    deltas = [event["delta"] for event in events if event["type"] == "response.reasoning_summary_text.delta"]
    assert deltas == ["Hm", "."]
    assert response_of(chunks)["output"][0]["summary"] == []


def test_reasoning_is_sealed_where_that_is_asked_for() -> None:
    machine = machine_for(seal=lambda text: f"sealed {text}")
    events = [*machine.begin(), *machine.feed(read(thought("Hm."))), *machine.feed(read(ended())), *machine.end()]
    reasoning, _ = check_events(read_events(b"".join(events)))["output"]
    assert reasoning["encrypted_content"] == "sealed Hm."


def test_the_input_of_a_custom_tool_may_be_the_text_itself() -> None:
    tool = {"type": "custom", "name": "sh", "format": {"type": "grammar", "syntax": "regex", "definition": " ?ls.*"}}
    asked = {"tools": [tool], "tool_choice": {"type": "custom", "name": "sh"}}
    (item,) = response_of([thought("Hm."), text(" "), text("ls"), ended()], **asked)["output"][1:]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "sh", " ls")


def probable(token: str, **more: Any) -> dict[str, Any]:
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": [], **more}


def test_log_probabilities_go_with_the_text_that_they_are_of() -> None:
    other = {"token": "Ho", "logprob": -1.5, "bytes": None}
    chunks = [
        {"choices": [{"delta": {"reasoning": "Hm"}, "logprobs": {"content": [probable("Hm")]}}]},
        {"choices": [{"delta": {}, "logprobs": {"content": [probable("</think>")]}}]},
        text("Hi", logprobs={"content": [probable("Hi", top_logprobs=[other])]}),
        text("", logprobs={"content": [probable(" y")]}),
        text(" you", logprobs={"content": [probable("ou"), probable("<tag>")]}),
        {"choices": [{"delta": {}, "finish_reason": "stop", "logprobs": {"content": [probable("<end>")]}}]},
    ]
    events = read_events(b"".join(run(chunks)))
    _, message = check_events(events)["output"]
    told = message["content"][0]["logprobs"]
    assert [one["token"] for one in told] == ["Hi", " y", "ou"]
    assert told[0]["top_logprobs"] == [{"token": "Ho", "logprob": -1.5, "bytes": [72, 111]}]
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert [len(event["logprobs"]) for event in deltas] == [1, 2]


@pytest.mark.parametrize(
    ("chunks", "reasoning"),
    [
        pytest.param([thought("Hm."), used(3, 9, completion_tokens_details={"reasoning_tokens": 5})], 5, id="told"),
        pytest.param([thought("Hm.") | {"usage": used(3, 4)["usage"]}, text("Hi"), used(3, 9)], 4, id="counted"),
        pytest.param([text("Hi"), used(3, 9, completion_tokens_details={})], 0, id="none"),
    ],
)
def test_usage_has_all_details_of_openais_document(chunks: list[Any], reasoning: int) -> None:
    assert response_of([*chunks[:-1], ended(), chunks[-1]])["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": 12,
    }


def test_what_the_cache_held_is_told() -> None:
    details = {"cached_tokens": 2, "created_cache_tokens": 1}
    usage = response_of([text("Hi"), ended(), used(3, 9, prompt_tokens_details=details)])["usage"]
    assert usage["input_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 1}


def test_ids_are_used_once() -> None:
    response = response_of([thought("Hm."), text("Hi"), call(0, "say", X), call(1, "say", X), ended()])
    assert len({item["id"] for item in response["output"]}) == 4
    assert json.loads(json.dumps(response)) == response
