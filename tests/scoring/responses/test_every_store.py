"""What public reports of other servers found missing, over two instances on each store: they answer as one."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.scoring.responses.checking import check_events, check_response
from tests.scoring.responses.instances import Instance, two_instances
from tests.scoring.responses.mcp.mcp_server import running_server

pytestmark = pytest.mark.anyio

Item = dict[str, Any]
SYSTEM = [{"role": "system", "content": "Rules."}, {"role": "developer", "content": "More rules."}]
GO: Item = {"role": "user", "content": "Go."}
KEY = {"SCORING_RESPONSES_KEY": "a-key-of-enough-letters"}
TOOLS = [
    {"type": "function", "name": "say", "parameters": {"type": "object"}, "strict": False},
    {"type": "custom", "name": "note"},
    {"type": "local_shell"},
]
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}


def call(index: int, name: str, arguments: str) -> Item:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}


SAID = {
    "text": ("Hi", " you."),
    "reasoning": ({"reasoning": "Hm"}, {"reasoning": "."}, "Yes."),
    "parallel-calls": ("Let me.", call(0, "say", '{"text": "a"}'), call(1, "say", '{"text": "b"}')),
    "reasoned-calls": ({"reasoning": "Hm."}, call(0, "note", '{"input": "a"}'), call(1, "say", "{}")),
}


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def instances(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Instance, Instance]]:
    """Two instances on one store of each kind."""
    url = f"sqlite://{tmp_path}/responses.db"
    if request.param == "redis":
        redis = request.getfixturevalue("redis_server")
        redis.empty()
        url = redis.url
    async with two_instances("memory" if request.param == "memory" else url) as (one, other):
        if request.param == "memory":
            other = one  # nobody else sees what is in a process
        yield one, other


async def created(instance: Instance, **body: Any) -> Item:
    """Ask whole, and return the response."""
    status, response = await instance.ask("POST", "/responses", {"tools": TOOLS, **body})
    assert status == 200, response
    check_response(response)
    found: Item = response
    return found


def outputs(response: Item) -> list[Item]:
    """Return what the calls of a response have returned, the last one first."""
    kinds = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
    calls = [item for item in response["output"] if item["type"] in kinds]
    return [
        {"type": kinds[item["type"]], "call_id": item["call_id"], "output": f"Done {at}."}
        for at, item in enumerate(calls)
    ][::-1]


def stripped(items: list[Item]) -> list[Item]:
    """Return items as clients send them that keep little: no ids, no states, nulls."""
    kept = [{name: value for name, value in item.items() if name not in ("id", "status")} for item in items]
    return [{**item, "id": None, "status": None} for item in kept]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("before", [pytest.param([], id="user"), pytest.param(SYSTEM, id="system")])
async def test_a_conversation_is_the_same_in_whichever_way_it_goes_on(
    instances: tuple[Instance, Instance], said: str, before: list[Item]
) -> None:
    one, other = instances
    conversation = (await one.ask("POST", "/conversations", {}))[1]["id"]
    one.engine.words = other.engine.words = SAID[said]
    given: list[Item] = [*before, GO]
    alone: list[Item] = []
    chain: Item = {}
    for turn in range(3):
        more = {"instructions": f"Turn {turn}."}
        chained = await created((one, other)[turn % 2], input=given, **more, **chain)
        held = await created((other, one)[turn % 2], input=given, conversation=conversation, **more)
        alone += given
        sent = [alone, stripped(alone)]
        for items in sent:
            await created(one, input=items, store=False, **more)
        asked = [*one.engine.asked, *(other.engine.asked if other is not one else [])]
        told = [json.dumps(chat["messages"]) for chat in asked if "messages" in chat and chat.get("stream")]
        assert len(told) == 4
        assert len(set(told)) == 1, told
        assert [item["type"] for item in held["output"]] == [item["type"] for item in chained["output"]]
        one.engine.asked.clear()
        other.engine.asked.clear()
        chain = {"previous_response_id": chained["id"]}
        alone += chained["output"]
        given = [*outputs(chained), {"role": "developer", "content": "Go on."}, GO]


@pytest.mark.parametrize(
    ("words", "finish", "kinds"),
    [
        pytest.param(("Hi", " you"), "length", {"message": "incomplete"}, id="text"),
        pytest.param(({"reasoning": "Hm"}, {"reasoning": " so"}), "length", {"reasoning": "incomplete"}, id="thought"),
        pytest.param((call(0, "say", '{"te'), "") , "length", {"function_call": "incomplete"}, id="call"),
        pytest.param(("Hi", call(0, "say", "{}")), "stop", {"message": "completed", "function_call": "completed"},
                     id="complete"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("background", [False, True])
async def test_how_it_ended_is_told_alike_whole_streamed_and_kept(
    instances: tuple[Instance, Instance], words: Any, finish: str, kinds: Item, *, background: bool
) -> None:
    one, other = instances
    one.engine.words, one.engine.finish = words, finish
    body = {"input": "Go.", "tools": TOOLS, "background": background, "stream": True}
    streamed = await one.call("POST", "/responses", body).done()
    told = check_events(streamed.events)
    assert {item["type"]: item["status"] for item in told["output"]} == kinds
    assert told["status"] == ("incomplete" if finish == "length" else "completed")
    await one.until_idle()
    path = f"/responses/{told['id']}"
    assert await other.ask("GET", path) == (200, told)
    asked = await other.ask("POST", f"{path}/cancel")
    assert asked[0] == (200 if background else 400)
    answered = [{"type": "function_call_output", "call_id": item["call_id"], "output": "x"}
                for item in told["output"] if item["type"] == "function_call"]  # fmt: skip
    other.engine.words, other.engine.finish = ("Hi",), "stop"
    await created(other, input=[*answered, GO], previous_response_id=told["id"])


@pytest.mark.parametrize("how", ["completes", "cut", "breaks", "cancelled"])
async def test_a_background_stream_goes_on_from_every_event_at_every_instance(
    instances: tuple[Instance, Instance], how: str
) -> None:
    one, other = instances
    one.engine.words = SAID["reasoned-calls"]
    one.engine.finish, one.engine.breaks = ("length" if how == "cut" else "stop"), how == "breaks"
    if how == "cancelled":
        one.engine.go.clear()
    body = {"input": "Go.", "tools": TOOLS, "background": True, "stream": True, "request_id": "resp_1"}
    stream = one.call("POST", "/responses", body)
    if how == "cancelled":
        await stream.until_event("response.reasoning_text.delta")
        assert (await other.ask("POST", "/responses/resp_1/cancel"))[1]["status"] == "cancelled"
    events = (await stream.done()).events
    status = {"completes": "completed", "cut": "incomplete", "breaks": "failed"}.get(how, how)
    assert check_events(events)["status"] == status
    await one.until_idle()
    for after in range(len(events) + 1):
        for instance in {one, other}:
            again = await instance.call("GET", f"/responses/resp_1?stream=true&starting_after={after}").done()
            assert again.events == events[after + 1 :]
    assert (await other.ask("GET", "/responses/resp_1"))[1] == events[-1]["response"]


async def test_turns_and_items_at_once_lose_nothing(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    conversation = (await one.ask("POST", "/conversations", {}))[1]["id"]
    path = f"/conversations/{conversation}/items"
    one.engine.max_num_seqs = other.engine.max_num_seqs = 64
    turns = [{"input": str(number), "conversation": conversation} for number in range(60)]
    calls = [instances[at % 2].ask("POST", "/responses", body) for at, body in enumerate(turns)]
    calls += [instances[at % 2].ask("POST", path, {"items": [GO]}) for at in range(40)]
    answers = await asyncio.gather(*calls)
    assert [status for status, _ in answers] == [200] * 100
    assert all(response["store"] for _, response in answers[:60])
    first = (await one.ask("GET", f"{path}?order=asc&limit=100"))[1]
    rest = (await other.ask("GET", f"{path}?order=asc&limit=100&after={first['last_id']}"))[1]
    texts = [item["content"][0]["text"] for item in [*first["data"], *rest["data"]]]
    assert len(texts) == 160
    assert (texts.count("Go."), texts.count("Hi you."), rest["has_more"]) == (40, 60, False)
    gone = await asyncio.gather(
        *(instances[at % 2].ask("DELETE", f"{path}/{item['id']}") for at, item in enumerate(first["data"][:60]))
    )
    assert {status for status, _ in gone} == {200}
    assert len((await one.ask("GET", f"{path}?limit=100"))[1]["data"]) == 100


async def test_a_deleted_turn_takes_nothing_from_those_that_followed_it(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    first = await created(one, input="a")
    second = await created(other, input="b", previous_response_id=first["id"])
    assert (await other.ask("DELETE", f"/responses/{first['id']}"))[0] == 200
    assert (await one.ask("POST", "/responses", {"input": "x", "previous_response_id": first["id"]}))[0] == 404
    third = await created(one, input="c", previous_response_id=second["id"])
    assert [said["content"] for said in one.engine.asked[-1]["messages"]] == ["a", "Hi you.", "b", "Hi you.", "c"]
    listed = (await other.ask("GET", f"/responses/{third['id']}/input_items?order=asc"))[1]["data"]
    assert len(listed) == 5


async def test_what_is_not_to_be_stored_leaves_nothing(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    room = await one.store.room("")
    for stream in (False, True):
        body = {"input": "a", "store": False, "stream": stream, "request_id": "resp_1"}
        assert (await one.call("POST", "/responses", body).done()).status == 200
    assert (await other.ask("GET", "/responses/resp_1"))[0] == 404
    assert await one.store.room("") == room


async def test_no_secret_is_kept_logged_or_told(
    instances: tuple[Instance, Instance], caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = instances
    caplog.set_level(logging.DEBUG)
    with running_server() as mcp:
        one.responses.creating._mcp_hosts = frozenset({mcp.url.split("/")[2]})
        servers = [
            {
                "type": "mcp", "server_label": label, "server_url": f"{url}?k=hunter2", "require_approval": "never",
                "authorization": "hunter2", "headers": {"X-Key": "hunter2"},
            }
            for label, url in (("there", mcp.url), ("nowhere", f"{mcp.url}/none"))
        ]  # fmt: skip
        told = b""
        for more in ({}, {"stream": True}, {"background": True, "stream": True}):
            answer = await one.call("POST", "/responses", {"input": "a", "tools": servers, **more}, "hunter2").done()
            response = answer.events[-1]["response"] if more else json.loads(answer.body)
            assert [item["type"] for item in response["output"][:2]] == ["mcp_list_tools"] * 2
            found = await one.responses.keeper.find(response["id"], "")
            told += answer.body + repr(found).encode()
    assert b"Adds two numbers." in told
    assert b"hunter2" not in told
    assert "has not answered" in caplog.text
    assert "hunter2" not in caplog.text
