"""Stored responses with real engines: in memory, over two instances on Redis, over a restart on SQLite."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.scoring.bodies import ENDS
from tests.scoring.responses.checking import check_events

LOOK_SECONDS = 2.5
UNFINISHED = ("queued", "in_progress")
LONG: dict[str, Any] = {"input": "Count.", "max_output_tokens": 1500, "extra_body": {"ignore_eos": True}}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def client_of(server: Any) -> OpenAI:
    return OpenAI(base_url=f"{server.base_url}/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def instances(redis_server: Any, embedding_server: Any, image_server: Any) -> Iterator[tuple[OpenAI, OpenAI]]:
    """Clients of two instances that share a Redis server."""
    with client_of(embedding_server) as one, client_of(image_server) as other:
        yield one, other


def ended(client: OpenAI, response_id: str, limit: float = 60) -> Any:
    """Return the response once its generation has ended."""
    deadline = time.monotonic() + limit
    while (response := client.responses.retrieve(response_id)).status in UNFINISHED:
        assert time.monotonic() < deadline, "still under way"
        time.sleep(0.05)
    return response


def refused(status: int, message: str, work: Any) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        work()
    assert caught.value.status_code == status
    assert message in caught.value.body["message"]  # type: ignore[index]


def test_a_conversation_goes_on_from_what_is_stored(openai_client: OpenAI, chat_model: str) -> None:
    first = openai_client.responses.create(model=chat_model, input="Say hello.", temperature=0, max_output_tokens=20)
    assert openai_client.responses.retrieve(first.id).output_text == first.output_text != ""
    second = openai_client.responses.create(
        model=chat_model, input="And now?", previous_response_id=first.id, temperature=0, max_output_tokens=20
    )
    assert second.previous_response_id == first.id
    whole = openai_client.chat.completions.create(
        model=chat_model,
        messages=[
            {"role": "user", "content": "Say hello."},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "And now?"},
        ],
        temperature=0,
        max_tokens=20,
    )
    assert second.output_text == whole.choices[0].message.content
    assert second.usage is not None
    assert whole.usage is not None
    assert second.usage.input_tokens == whole.usage.prompt_tokens


def test_a_streamed_response_is_stored_when_its_end_is_seen(openai_client: OpenAI, chat_model: str) -> None:
    with openai_client.responses.create(
        model=chat_model, input="Say hello.", max_output_tokens=10, stream=True
    ) as stream:
        events = list(stream)
    last = events[-1]
    assert last.type in ENDS
    assert openai_client.responses.retrieve(last.response.id).output == last.response.output
    refused(400, "cannot be streamed", lambda: openai_client.responses.retrieve(last.response.id, stream=True))


def test_the_result_of_a_tool_follows_the_stored_call(openai_client: OpenAI, chat_model: str) -> None:
    first = openai_client.responses.create(
        model=chat_model,
        input="What is the weather in Rome?",
        tools=[WEATHER],
        tool_choice="required",
        temperature=0,
        max_output_tokens=60,
    )
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert call.name == "get_weather"
    assert json.loads(call.arguments)["city"] in ("Rome", "Oslo")
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "It rains."}]
    second = openai_client.responses.create(
        model=chat_model, input=result, previous_response_id=first.id, tools=[WEATHER], max_output_tokens=20
    )
    asked: Any = {"name": "get_weather", "arguments": call.arguments}
    whole = openai_client.chat.completions.create(
        model=chat_model,
        messages=[
            {"role": "user", "content": "What is the weather in Rome?"},
            {"role": "assistant", "tool_calls": [{"id": call.call_id, "type": "function", "function": asked}]},
            {"role": "tool", "tool_call_id": call.call_id, "content": "It rains."},
        ],
        max_tokens=1,
    )
    assert second.usage is not None
    assert whole.usage is not None
    assert second.usage.input_tokens == whole.usage.prompt_tokens


def test_what_is_not_stored_or_deleted_is_not_found(openai_client: OpenAI, chat_model: str) -> None:
    hidden = openai_client.responses.create(model=chat_model, input="Hello.", max_output_tokens=5, store=False)
    refused(404, hidden.id, lambda: openai_client.responses.retrieve(hidden.id))
    kept = openai_client.responses.create(model=chat_model, input="Hello.", max_output_tokens=5)
    deleted = httpx.delete(f"{openai_client.base_url}responses/{kept.id}")
    assert (deleted.status_code, deleted.json()) == (200, {"id": kept.id, "object": "response", "deleted": True})
    openai_client.responses.delete(
        openai_client.responses.create(model=chat_model, input="Hi.", max_output_tokens=2).id
    )
    for work in (
        lambda: openai_client.responses.retrieve(kept.id),
        lambda: openai_client.responses.delete(kept.id),
        lambda: openai_client.responses.cancel(kept.id),
        lambda: openai_client.responses.create(model=chat_model, input="Go on.", previous_response_id=kept.id),
    ):
        refused(404, f"Response with id '{kept.id}' not found.", work)


def test_a_response_in_the_background_ends_or_is_cancelled(openai_client: OpenAI, chat_model: str) -> None:
    short = openai_client.responses.create(model=chat_model, input="Hello.", max_output_tokens=10, background=True)
    assert short.status == "queued"
    assert ended(openai_client, short.id).output_text != ""
    long = openai_client.responses.create(model=chat_model, background=True, **LONG)
    assert openai_client.responses.cancel(long.id).status == "cancelled"
    assert openai_client.responses.retrieve(long.id).status == "cancelled"
    now = openai_client.responses.create(model=chat_model, input="Hello.", max_output_tokens=5)
    refused(400, "Cannot cancel a synchronous response.", lambda: openai_client.responses.cancel(now.id))


def test_a_background_stream_can_be_left_and_taken_up_again(openai_client: OpenAI, chat_model: str) -> None:
    followed_from_everywhere(openai_client, openai_client, chat_model)


def followed_from_everywhere(one: OpenAI, other: OpenAI, model: str) -> None:
    """Leave a stream of one instance and go on with it at another, from any event on."""
    stream = one.responses.create(
        model=model,
        input="Hello.",
        max_output_tokens=60,
        background=True,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    events = iter(stream)
    first = next(events)
    kinds = [first.type, next(events).type, next(events).type]
    assert kinds == ["response.created", "response.queued", "response.in_progress"]
    left = next(events)
    stream.close()
    response_id = first.response.id  # type: ignore[union-attr]
    with other.responses.retrieve(response_id, stream=True, starting_after=left.sequence_number) as rest:
        numbers = [event.sequence_number for event in rest]
    assert numbers == list(range(left.sequence_number + 1, numbers[-1] + 1))
    whole = [list(client.responses.retrieve(response_id, stream=True)) for client in (one, other)]
    assert [event.to_dict() for event in whole[0]] == [event.to_dict() for event in whole[1]]
    assert check_events([event.to_dict() for event in whole[0]]) == one.responses.retrieve(response_id).to_dict()
    with other.responses.retrieve(response_id, stream=True, starting_after=numbers[-2]) as again:
        assert [event.type in ENDS for event in again] == [True]


def test_a_conversation_object_is_shared_by_turns(openai_client: OpenAI, chat_model: str) -> None:
    said_in_turns(openai_client, openai_client, chat_model)


def said_in_turns(one: OpenAI, other: OpenAI, model: str) -> None:
    """Hold a conversation object by turns over two instances, and the same without state."""
    conversation = one.conversations.create(items=[{"role": "user", "content": "My name is Bob."}])
    more: Any = {"model": model, "temperature": 0, "max_output_tokens": 12}
    first = other.responses.create(input="Say hello.", conversation=conversation.id, **more)
    second = one.responses.create(input="Who am I?", conversation=conversation.id, background=True, **more)
    second = ended(other, second.id)
    items = list(other.conversations.items.list(conversation.id, order="asc", limit=2))
    users = [item.content[0].text for item in items if item.type == "message" and item.role == "user"]  # type: ignore[union-attr]
    assert users == ["My name is Bob.", "Say hello.", "Who am I?"]
    answers = [item.id for item in items if item.type != "message" or item.role == "assistant"]
    assert answers == [item.id for item in [*first.output, *second.output]]
    assert second.conversation is not None
    assert second.conversation.id == conversation.id
    replayed: Any = [item.to_dict() for item in items[: len(items) - len(second.output)]]
    alone = one.responses.create(input=replayed, **more)
    assert second.usage is not None
    assert alone.usage is not None
    assert alone.usage.input_tokens == second.usage.input_tokens
    counted = other.responses.input_tokens.count(model=model, input=replayed)
    assert counted.input_tokens == alone.usage.input_tokens
    assert one.conversations.delete(conversation.id).deleted
    refused(404, conversation.id, lambda: other.conversations.retrieve(conversation.id))


def test_two_instances_share_their_responses(instances: tuple[OpenAI, OpenAI]) -> None:
    one, other = instances
    first = one.responses.create(model="random", input="Hello.", max_output_tokens=20)
    found = other.responses.retrieve(first.id)
    assert found.to_dict() == one.responses.retrieve(first.id).to_dict()
    assert found.output == first.output
    second = other.responses.create(model="random", input="More.", previous_response_id=first.id, max_output_tokens=5)
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens
    other.responses.delete(first.id)
    refused(404, first.id, lambda: one.responses.retrieve(first.id))
    refused(404, first.id, lambda: one.responses.create(model="random", input="x", previous_response_id=first.id))


def test_one_instance_cancels_what_the_other_generates(instances: tuple[OpenAI, OpenAI]) -> None:
    one, other = instances
    short = one.responses.create(model="random", input="Hello.", max_output_tokens=10, background=True)
    assert ended(other, short.id).usage is not None
    with one.responses.create(model="random", background=True, stream=True, **LONG) as stream:
        events = iter(stream)
        response_id = next(events).response.id  # type: ignore[union-attr]
        assert other.responses.cancel(response_id).status == "cancelled"
        last = list(events)[-1]
    assert last.response.status == "cancelled"  # type: ignore[union-attr]
    assert one.responses.retrieve(response_id).status == "cancelled"
    with other.responses.retrieve(response_id, stream=True) as replayed:
        assert check_events([event.to_dict() for event in replayed])["status"] == "cancelled"


def test_one_instance_follows_what_the_other_generates(instances: tuple[OpenAI, OpenAI]) -> None:
    followed_from_everywhere(*instances, "random")


def test_a_conversation_object_is_shared_by_two_instances(instances: tuple[OpenAI, OpenAI]) -> None:
    said_in_turns(*instances, "random")


def test_sqlite_survives_a_sudden_end(
    random_reasoning_weights: Path, scoring_processes: ModuleType, tmp_path: Path
) -> None:
    arguments = (str(random_reasoning_weights), "--served-model-name=random", "--max-model-len=2048")
    environ = {"SCORING_RESPONSE_STORE": f"sqlite://{tmp_path}/responses.db"}
    with scoring_processes.scoring_server(*arguments, **environ) as server, client_of(server) as client:
        server.wait_until_ready()
        first = client.responses.create(model="random", input="Hello.", max_output_tokens=20)
        cut_off = client.responses.create(model="random", background=True, **LONG)
        assert cut_off.status == "queued"
        with client.responses.retrieve(cut_off.id, stream=True) as followed:
            assert next(event.sequence_number for event in followed if event.sequence_number > 20)
        time.sleep(LOOK_SECONDS)  # until what there is of it is stored
        os.killpg(server.pid, signal.SIGKILL)
    with scoring_processes.scoring_server(*arguments, **environ) as server, client_of(server) as client:
        server.wait_until_ready()
        assert client.responses.retrieve(first.id).output == first.output
        followed_from_everywhere(client, client, "random")
        said_in_turns(client, client, "random")
        more = client.responses.create(
            model="random", input="More.", previous_response_id=first.id, max_output_tokens=5
        )
        assert more.usage is not None
        assert first.usage is not None
        assert more.usage.input_tokens > first.usage.input_tokens
        assert ended(client, cut_off.id).status == "failed"
        with client.responses.retrieve(cut_off.id, stream=True) as replayed:
            failed = check_events([event.to_dict() for event in replayed])
        assert failed == client.responses.retrieve(cut_off.id).to_dict()
