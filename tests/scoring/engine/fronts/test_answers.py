"""What is put into the Rust front's answers, and that a model's text is never touched."""

import json
from typing import Any

import pytest

from scoring.engine.fronts.answers import complete_answer, complete_events

LOOK_ALIKE = '"choices":[{"index":0,"delta":{} "finish_reason":"stop" data: {"error":\n\n"message":{"role":"assistant",'


def event(*choices: Any, **more: Any) -> bytes:
    """One event as the Rust front writes it."""
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": list(choices), **more}
    return b"data: " + json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def documents(events: bytes) -> list[Any]:
    """The documents of events."""
    return [json.loads(line.removeprefix(b"data: ")) for line in events.split(b"\n\n") if line]


CHOICES = [
    pytest.param({"delta": {"role": "assistant", "content": LOOK_ALIKE}}, id="role-and-text"),
    pytest.param({"delta": {"content": LOOK_ALIKE}}, id="text-that-looks-like-it"),
    pytest.param({"delta": {"content": "x"}, "logprobs": {"content": [{"token": "}}]}"}]}}, id="logprobs"),
    pytest.param({"delta": {"tool_calls": [{"index": 0, "function": {"arguments": LOOK_ALIKE}}]}}, id="tool-call"),
    pytest.param({"text": LOOK_ALIKE}, id="completion"),
]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("reason", [None, "stop"])
def test_every_choice_has_a_finish_reason(choice: dict[str, Any], reason: str | None) -> None:
    given = {"index": 0, **choice, **({"finish_reason": reason} if reason else {})}
    usage = {"usage": {"completion_tokens": 1}}
    for events in (event(given), event(given, **usage), event(given) + event(**usage) + event({**given, "index": 0})):
        for before, after in zip(documents(events), documents(complete_events(events)), strict=True):
            assert after == {**before, "choices": [{**one, "finish_reason": reason} for one in before["choices"]]}


def test_a_stream_begins_with_an_empty_text() -> None:
    [told] = documents(complete_events(event({"index": 0, "delta": {"role": "assistant"}})))
    assert told["choices"] == [{"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": ""}}]


def test_other_lines_stay() -> None:
    for events in (b"data: [DONE]\n\n", b": alive\n\n", b"", event(usage={"completion_tokens": 1})):
        assert complete_events(events) == events


def test_errors_are_cut_short() -> None:
    error = {"error": {"message": "x" * 100_000, "type": "server_error", "param": None, "code": "server_error"}}
    data = b"data: " + json.dumps(error, separators=(",", ":")).encode() + b"\n\ndata: [DONE]\n\n"
    told, end = complete_events(data).split(b"\n\n", 1)
    assert (len(told) < 2000, end) == (True, b"data: [DONE]\n\n")
    assert json.loads(told[len(b"data: ") :])["error"]["type"] == "InternalServerError"


@pytest.mark.parametrize("text", ["Hi", LOOK_ALIKE, None])
def test_whole_answer_has_the_members_of_the_python_apps(text: str | None) -> None:
    message = {"role": "assistant", "content": text, "reasoning": None}
    document = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    found = json.loads(complete_answer(json.dumps(document, separators=(",", ":")).encode()))
    assert found["choices"][0]["message"] == {**message, "content": text or "", "refusal": None, "annotations": None}


def test_completion_stays() -> None:
    body = json.dumps({"choices": [{"index": 0, "text": LOOK_ALIKE}]}, separators=(",", ":")).encode()
    assert complete_answer(body) == body
