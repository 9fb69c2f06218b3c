"""Stored responses over a stand-in for vLLM's handler."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from scoring.asgi import Message
from scoring.engine.repairs.responses import encode_messages
from tests.scoring.responses.stand_in import Instance, memory, two_instances

pytestmark = pytest.mark.anyio


async def test_a_response_can_be_fetched_as_soon_as_the_client_hears_of_it() -> None:
    one = Instance(memory())
    fetched: list[int] = []

    async def fetch(message: Message) -> None:
        if message["type"] == "http.response.start":
            fetched.append((await one.ask("GET", "/resp_1"))[0])

    status, text = await one.raw("POST", body={"input": "Hi", "request_id": "resp_1"}, on_message=fetch)
    assert (status, fetched) == (200, [200])
    assert await one.ask("GET", "/resp_1") == (200, json.loads(text))


async def test_vllm_finds_the_messages_and_the_answer_of_the_previous_response(tmp_path: Path) -> None:
    async with two_instances(tmp_path) as (one, other):
        one.handler.output = [
            {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "message", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
        ]
        await one.ask("POST", body={"input": "Weather?", "request_id": "resp_1"})
        status, _ = await other.ask("POST", body={"input": "And now?", "previous_response_id": "resp_1"})
        assert status == 200
        call = {
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
        }
        assert other.handler.seen == [
            [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "I look.", "tool_calls": [call]},
                {"role": "user", "content": "And now?"},
            ],
            [],
        ]


async def test_an_unknown_previous_response_is_left_to_vllm() -> None:
    one = Instance(memory())
    answer = await one.ask("POST", body={"input": "Hi", "previous_response_id": "resp_0"})
    assert answer == (404, {"error": {"message": "vLLM does not know it"}})


async def test_what_is_not_to_be_stored_is_not() -> None:
    store = memory()
    one = Instance(store)
    status, _ = await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "store": False})
    assert status == 200
    assert (await one.ask("GET", "/resp_1"))[0] == 404
    assert store.size == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/resp_0", id="get"),
        pytest.param("DELETE", "/resp_0", id="delete"),
        pytest.param("POST", "/resp_0/delete", id="delete-as-post"),
        pytest.param("POST", "/resp_0/cancel", id="cancel"),
    ],
)
async def test_an_unknown_id_is_refused_in_vllms_words(method: str, path: str) -> None:
    status, body = await Instance(memory()).ask(method, path)
    message = "Response with id 'resp_0' not found."
    error = {"message": message, "type": "invalid_request_error", "param": "response_id", "code": 404}
    assert (status, body) == (404, {"error": error})


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/resp_1"), ("POST", "/resp_1/delete")])
async def test_a_deleted_response_is_gone(method: str, path: str) -> None:
    one = Instance(memory())
    await one.ask("POST", body={"input": "Hi", "request_id": "resp_1"})
    deleted = {"id": "resp_1", "object": "response", "deleted": True}
    assert await one.ask(method, path) == (200, deleted)
    assert (await one.ask("GET", "/resp_1"))[0] == 404
    assert (await one.ask(method, path))[0] == 404


async def test_a_client_cannot_overwrite_a_response_by_choosing_its_id() -> None:
    one = Instance(memory())
    await one.ask("POST", body={"input": "Hi", "request_id": "resp_1"})
    status, body = await one.ask("POST", body={"input": "Mine", "request_id": "resp_1"})
    assert status == 400
    assert body["error"]["param"] == "request_id"


@pytest.mark.parametrize("own_id", ["a/b", "resp_q/cancel", "", "a b", "x" * 257])
async def test_an_id_that_no_path_can_name_is_refused(own_id: str) -> None:
    status, refusal = await Instance(memory()).ask("POST", body={"input": "Hi", "request_id": own_id})
    assert (status, refusal["error"]["param"]) == (400, "request_id")


async def test_what_vllm_cannot_read_is_refused_as_such() -> None:
    one = Instance(memory())
    one.handler.unreadable = True
    status, body = await one.ask("POST", body={"input": [{"role": "user"}]})
    words = "This request cannot be read: list index out of range."
    error = {"message": words, "type": "invalid_request_error", "param": "input", "code": 400}
    assert (status, body) == (400, {"error": error})


async def test_what_the_engine_cannot_do_is_no_fault_of_the_request() -> None:
    one = Instance(memory())
    one.handler.fails_later = True
    status, body = await one.ask("POST", body={"input": "Hi"})
    assert (status, body) == (500, {"error": {"message": "the engine is out of order"}})


async def test_a_dead_engine_is_no_fault_of_the_request() -> None:
    one = Instance(memory())
    one.handler.unreadable = one.handler.engine_client.errored = True
    with pytest.raises(IndexError):
        await one.ask("POST", body={"input": "Hi"})


def test_messages_whose_lists_are_read_late_can_be_stored() -> None:
    lists = TypeAdapter(Iterable[int])  # what pydantic makes of an Iterable checks its items when they are asked for
    messages = [{"good": lists.validate_python([1, 2]), "bad": [lists.validate_python([1, "x"])], "none": None}]
    assert encode_messages(messages)["items"] == [{"good": [1, 2], "bad": [[]], "none": None}]
