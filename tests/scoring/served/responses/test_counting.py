"""Input tokens that are counted beforehand, and conversations made short, with a real model."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.scoring.responses.checking import check_document

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Rome"}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "It rains."}


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param({"input": "Say hello."}, id="text"),
        pytest.param({"input": "Say hello.", "instructions": "Be kind."}, id="instructions"),
        pytest.param({"input": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, id="items"),
        pytest.param({"input": "Say hello.", "tools": [WEATHER]}, id="tools"),
        pytest.param({"input": "Say hello.", "tools": [WEATHER], "tool_choice": "none"}, id="tools-not-chosen"),
        pytest.param({"input": [{"role": "user", "content": "Rome?"}, CALL, RESULT], "tools": [WEATHER]}, id="calls"),
        pytest.param({"input": "Say hello.", "reasoning": {"effort": "low"}}, id="effort"),
    ],
)
def test_what_is_counted_is_what_is_used(openai_client: OpenAI, chat_model: str, request_of: dict[str, Any]) -> None:
    counted = openai_client.responses.input_tokens.count(model=chat_model, **request_of)
    made = openai_client.responses.create(model=chat_model, max_output_tokens=1, **request_of)
    assert made.usage is not None
    assert counted.to_dict() == {"object": "response.input_tokens", "input_tokens": made.usage.input_tokens}
    more: Any = {"input": "And now?", "previous_response_id": made.id, "tools": request_of.get("tools", [])}
    again = openai_client.responses.input_tokens.count(model=chat_model, **more)
    then = openai_client.responses.create(model=chat_model, max_output_tokens=1, **more)
    assert then.usage is not None
    assert again.input_tokens == then.usage.input_tokens > made.usage.input_tokens


def test_more_than_the_context_is_counted(openai_client: OpenAI, chat_model: str) -> None:
    counted = openai_client.responses.input_tokens.count(model=chat_model, input="hello " * 3000)
    assert 3000 <= counted.input_tokens <= 3100


def test_a_conversation_made_short_goes_on(openai_client: OpenAI, chat_model: str) -> None:
    first = openai_client.responses.create(model=chat_model, input="My name is Bob.", max_output_tokens=10)
    said: Any = [CALL, RESULT, {"role": "user", "content": "Thank you."}]
    raw = openai_client.responses.with_raw_response
    # As it came: the package takes the user's messages for the model's, and warns of their content.
    document: Any = raw.compact(model=chat_model, previous_response_id=first.id, input=said).http_response.json()
    check_document("CompactResource", document)
    kinds = [item["type"] for item in document["output"]]
    assert kinds == ["message", "message", "compaction"]
    assert document["usage"]["output_tokens"] > 0
    asked: Any = [*document["output"], {"role": "user", "content": "Who am I?"}]
    summary = openai_client.responses.input_tokens.count(model=chat_model, input=asked).input_tokens
    without = openai_client.responses.input_tokens.count(model=chat_model, input=[*asked[:2], asked[3]]).input_tokens
    assert summary - without > 10
    again = openai_client.responses.compact(model=chat_model, input=asked)
    assert [item.type for item in again.output] == ["message", "message", "message", "compaction"]


def test_a_conversation_that_is_too_long_is_made_short(openai_client: OpenAI, chat_model: str) -> None:
    long: Any = [{"role": role, "content": "hello " * 300} for _ in range(5) for role in ("user", "assistant")]
    short = openai_client.responses.compact(model=chat_model, input=long)
    assert [item.type for item in short.output] == ["message"] * 5 + ["compaction"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"input": "x"}, "model", id="no-model"),
        pytest.param({"model": "M"}, "input", id="nothing-to-read"),
        pytest.param(
            {"model": "M", "input": "x", "previous_response_id": "resp_none"}, "previous_response_id", id="unknown"
        ),
    ],
)
def test_what_cannot_be_made_short_is_refused(
    openai_client: OpenAI, chat_model: str, body: dict[str, Any], param: str
) -> None:
    if "model" in body:
        body = {**body, "model": chat_model}
    with pytest.raises(openai.APIStatusError) as caught:
        openai_client.post("/responses/compact", body=body, cast_to=object)
    assert caught.value.body["param"] == param  # type: ignore[index]
