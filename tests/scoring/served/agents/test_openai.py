"""The openai package, unmodified: streams, parsed answers, the background, conversations, and questions about them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel

from tests.scoring.served.agents.stage import Stage
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, lines, prompt_tokens

WEATHER: Any = {
    "type": "function", "name": "get_weather", "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}  # fmt: skip
SHORT: Any = {"temperature": 0, "max_output_tokens": 60}


class City(BaseModel):
    """A city."""

    name: str


@pytest.fixture
def client(stage: Stage) -> Iterator[OpenAI]:
    """The client on the stage."""
    with OpenAI(base_url=f"{stage.url}/v1", api_key="unused", max_retries=0, timeout=120) as client:
        yield client


def test_a_stream_with_a_tool(client: OpenAI, stage: Stage, chat_model: str) -> None:
    stage.play(called("get_weather", city="Paris"), "It is 22 degrees.")
    with client.responses.stream(model=chat_model, input="Weather?", tools=[WEATHER], **SHORT) as stream:
        pieces = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
        first = stream.get_final_response()
    call: Any = first.output[0]
    assert "".join(pieces) == call.arguments
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "22 degrees"}
    with client.responses.stream(
        model=chat_model, input=[output], previous_response_id=first.id, tools=[WEATHER], **SHORT
    ) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().output_text == "It is 22 degrees."
    assert snapshots[-1] == "It is 22 degrees."
    assert exchanged(stage.over()) == [
        (["user: Weather?"], ['call get_weather {"city": "Paris"}']),
        (["output: 22 degrees"], ["assistant: It is 22 degrees."]),
    ]


def test_parsed_answers(client: OpenAI, stage: Stage, chat_model: str) -> None:
    answer = client.responses.parse(model=chat_model, input="Name a city in JSON.", text_format=City, **SHORT)
    assert isinstance(answer.output_parsed, City)
    with client.responses.stream(model=chat_model, input="Name a city in JSON.", text_format=City, **SHORT) as stream:
        stream.until_done()
        assert stream.get_final_response().output_parsed == answer.output_parsed
    (one, two) = exchanged(stage.over())
    assert one == two


def test_parsed_arguments(client: OpenAI, chat_model: str) -> None:
    tool: Any = pydantic_function_tool(City)
    answer = client.responses.parse(
        model=chat_model, input="Name a city.", tools=[tool], tool_choice="required", **SHORT
    )
    (call,) = answer.output
    assert call.type == "function_call"
    assert isinstance(call.parsed_arguments, City)


def test_the_background_polled(client: OpenAI, stage: Stage, chat_model: str) -> None:
    stage.play("It is 22 degrees.")
    response = client.responses.create(model=chat_model, input="Weather?", background=True, **SHORT)
    assert response.status in ("queued", "in_progress")
    deadline = time.monotonic() + 120
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    assert (response.status, response.output_text) == ("completed", "It is 22 degrees.")


def test_the_background_streamed_and_resumed(client: OpenAI, stage: Stage, chat_model: str) -> None:
    stage.play("It is 22 degrees and it will be as warm tomorrow.")
    seen: list[Any] = []
    with client.responses.create(model=chat_model, input="Weather?", background=True, stream=True, **SHORT) as stream:
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    id, last = seen[0].response.id, seen[-1].sequence_number
    seen += client.responses.retrieve(id, stream=True, starting_after=last)
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
    assert text == seen[-1].response.output_text == "It is 22 degrees and it will be as warm tomorrow."
    assert client.responses.retrieve(id) == seen[-1].response


def test_a_conversation_holds_what_was_said(client: OpenAI, stage: Stage, chat_model: str) -> None:
    stage.play("Hello Ann.", "You are Ann.")
    rule: Any = {"type": "message", "role": "developer", "content": "Be brief."}
    conversation = client.conversations.create(items=[rule], metadata={"topic": "names"})
    for text in ("I am Ann.", "Who am I?"):
        client.responses.create(model=chat_model, input=text, conversation=conversation.id, **SHORT)
    assert exchanged(stage.over()) == [
        (["user: I am Ann."], ["assistant: Hello Ann."]),
        (["user: Who am I?"], ["assistant: You are Ann."]),
    ]
    said = ["developer: Be brief.", "user: I am Ann.", "assistant: Hello Ann.", "user: Who am I?"]
    kept = [item.model_dump() for item in client.conversations.items.list(conversation.id, order="asc")]
    assert lines(kept) == [*said, "assistant: You are Ann."]
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "names"}
    chat = [{"role": role.replace("developer", "system"), "content": text} for role, _, text in map(split, said)]
    counts = [prompt_tokens(stage.server_url, chat_model, chat[:end]) for end in (2, 4)]
    assert input_tokens(stage.over()) == counts
    assert client.conversations.delete(conversation.id).deleted


def split(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


def test_what_a_response_was_asked(client: OpenAI, stage: Stage, chat_model: str) -> None:
    stage.play("Hello.")
    said: Any = [{"role": "user", "content": f"Line {number}"} for number in range(5)]
    response = client.responses.create(model=chat_model, input=said, **SHORT)
    items = [item.model_dump() for item in client.responses.input_items.list(response.id, limit=2, order="asc")]
    assert lines(items) == [f"user: Line {number}" for number in range(5)]
    assert response.usage is not None
    counted = client.responses.input_tokens.count(model=chat_model, input=said)
    assert counted.input_tokens == response.usage.input_tokens
    client.responses.delete(response.id)
    assert [turn.status for turn in stage.turns[-1:]] == [200]


def test_a_conversation_made_compact(client: OpenAI, stage: Stage, chat_model: str) -> None:
    said: Any = [
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": "Hello Ann."},
        {"role": "user", "content": "I live in Paris."},
    ]
    compact = client.responses.compact(model=chat_model, input=said)
    assert compact.object == "response.compaction"
    again: Any = [item.model_dump(exclude_none=True) for item in compact.output]
    stage.play("You are Ann.")
    response = client.responses.create(
        model=chat_model, input=[*again, {"role": "user", "content": "Who am I?"}], **SHORT
    )
    assert response.output_text == "You are Ann."
