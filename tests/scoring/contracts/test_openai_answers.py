"""OpenAI's surface: what is left out of vLLM's answers and what is added, and that a model's text is never touched."""

import asyncio
import json
from typing import Any

import pytest

from scoring.asgi import Message
from scoring.contracts.openai_answers import CompletionsWriter, OpenAiWriter

LOOK_ALIKE = 'a,"audio":null,"usage":{"x":1} {"reasoning":null,"logprobs":{"content":null "annotations":null'
DETAILS = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}
JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")


def written(document: Any) -> bytes:
    """Return JSON as vLLM writes it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def sent(
    status: int, header: tuple[bytes, bytes], *bodies: bytes, of: type[OpenAiWriter] = OpenAiWriter
) -> list[Message]:
    """Return what a client gets of an answer that comes in these pieces."""
    got: list[Message] = []

    async def send(message: Message) -> None:
        got.append(message)

    async def answer() -> None:
        writer = of(send)
        await writer({"type": "http.response.start", "status": status, "headers": [header, (b"content-length", b"9")]})
        for number, body in enumerate(bodies, 1):
            await writer({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})

    asyncio.run(answer())
    return got


def whole(document: Any) -> Any:
    """Return what a client reads of a whole answer, whose length must be told right."""
    start, message = sent(200, JSON, written(document))
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(message["body"])
    return json.loads(message["body"])


def streamed(*documents: Any, of: type[OpenAiWriter] = OpenAiWriter) -> list[Any]:
    """Return what a client reads of a stream, all of whose events come at once."""
    data = b"".join(b"data: " + written(one) + b"\n\n" for one in documents)
    _, message = sent(200, EVENTS, data, of=of)
    return [json.loads(event.removeprefix(b"data: ")) for event in message["body"].split(b"\n\n") if event]


def message(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "refusal": None, "annotations": None, **more}


MESSAGES = [
    pytest.param(message(LOOK_ALIKE, reasoning=None, audio=None, function_call=None), {}, id="text"),
    pytest.param({"reasoning": None, **message("Hi")}, {}, id="first-is-null"),
    pytest.param(message(None, reasoning=LOOK_ALIKE), {"reasoning": LOOK_ALIKE}, id="reasoning-alone"),
    pytest.param(message("Hi", tool_calls=[{"function": {"arguments": LOOK_ALIKE}}]),
                 {"tool_calls": [{"function": {"arguments": LOOK_ALIKE}}]}, id="call"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "more"), MESSAGES)
def test_whole_answer(given: dict[str, Any], more: dict[str, Any]) -> None:
    choice = {"index": 0, "message": given, "logprobs": None, "finish_reason": "stop", "stop_reason": None}
    nulls = dict.fromkeys(("service_tier", "system_fingerprint", "prompt_logprobs", "kv_transfer_params", "metrics"))
    usage = {"prompt_tokens": 3, **dict.fromkeys(DETAILS)}
    found = whole({"id": "c", "choices": [{**choice, "token_ids": None}], "usage": usage, **nulls})
    message = {"role": "assistant", "content": given["content"], "refusal": None, "annotations": [], **more}
    assert found == {
        "id": "c",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, **DETAILS},
    }


def test_details_that_are_known_stay() -> None:
    known = {"cached_tokens": 512, "created_cache_tokens": 0, "multimodal_tokens": None}
    usage = {"prompt_tokens_details": known, "completion_tokens_details": {"reasoning_tokens": 7}}
    assert whole({"usage": usage})["usage"] == {
        "prompt_tokens_details": {"cached_tokens": 512, "created_cache_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 3}, {"prompt_tokens": 3, **dict.fromkeys(DETAILS)}])
@pytest.mark.parametrize("text", ["", LOOK_ALIKE])
def test_events(text: str, usage: Any) -> None:
    told = {"usage": usage} if usage else {}
    choice = {"index": 0, "delta": {"content": text, "reasoning": None}, "finish_reason": None}
    event = {"choices": [{**choice, "logprobs": None, "token_ids": None, "stop_reason": None}], **told}
    wanted = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    if usage:
        wanted["usage"] = {"prompt_tokens": 3, **DETAILS}
    assert streamed(event, event) == [wanted, wanted]


def test_log_probabilities_have_those_of_a_refusal() -> None:
    tokens = [{"token": LOOK_ALIKE, "logprob": -0.5, "bytes": None, "top_logprobs": []}]
    choice = {"index": 0, "finish_reason": None, "logprobs": {"content": tokens}}
    for [told] in (streamed({"choices": [choice]}), [whole({"choices": [choice]})]):
        assert told["choices"][0]["logprobs"] == {"refusal": None, "content": tokens}


TOKENS = {"tokens": [LOOK_ALIKE], "token_logprobs": [None], "top_logprobs": [None], "text_offset": [0]}
COMPLETIONS = [
    pytest.param({"index": 0, "finish_reason": None, "text": LOOK_ALIKE}, None, id="rust-front"),
    pytest.param({"index": 1, "text": LOOK_ALIKE, "logprobs": None, "finish_reason": None, "stop_reason": None,
                  "token_ids": None}, None, id="python-front"),
    pytest.param({"index": 0, "text": LOOK_ALIKE, "logprobs": TOKENS, "finish_reason": None}, TOKENS, id="asked-for"),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "logprobs"), COMPLETIONS)
def test_every_event_of_a_completion_has_log_probabilities_or_null(choice: dict[str, Any], logprobs: Any) -> None:
    event = {"choices": [choice], "usage": {"prompt_tokens": 3}}
    wanted = {"index": choice["index"], "text": LOOK_ALIKE, "finish_reason": None, "logprobs": logprobs}
    told = {"choices": [wanted], "usage": {"prompt_tokens": 3, **DETAILS}}
    assert streamed(event, event, of=CompletionsWriter) == [told, told]


def test_an_error_in_a_stream_has_all_of_its_members() -> None:
    error = {"error": {"message": "no", "type": "BadRequestError", "param": None, "code": 400}}
    assert streamed(error) == [error]


def test_events_without_nulls_stay() -> None:
    for event in (b"data: [DONE]\n\n", b": alive\n\n", b"", b'data: {"choices":[{"finish_reason":null}]}\n\n'):
        assert sent(200, EVENTS, event, b"")[1]["body"] == event


def test_error_stays() -> None:
    body = b'{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}'
    start, message = sent(400, JSON, body[:9], body[9:])
    assert (start["status"], message["body"]) == (400, body)
