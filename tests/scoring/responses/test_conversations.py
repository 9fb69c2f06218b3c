"""Conversations that responses have in common: nothing of them is lost, and they come back a page at a time."""

import asyncio
import json
import secrets
from typing import Any

import pytest
from openai.types.conversations import Conversation, ConversationDeletedResource, ConversationItem, ConversationItemList
from openai.types.responses import ResponseItemList
from pydantic import TypeAdapter

from tests.scoring.responses.checking import check_events, check_response
from tests.scoring.responses.instances import Instance, memory

pytestmark = pytest.mark.anyio


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": text}


def texts(items: list[Any]) -> list[str]:
    return [part["text"] for item in items for part in item["content"]]


async def begun(instance: Instance, *said: str) -> str:
    status, made = await instance.ask("POST", "/conversations", {"items": [message(text) for text in said]})
    assert status == 200
    TypeAdapter(Conversation).validate_python(made, strict=True)
    return str(made["id"])


async def items_of(instance: Instance, conversation: str, query: str = "?order=asc&limit=100") -> list[Any]:
    status, listed = await instance.ask("GET", f"/conversations/{conversation}/items{query}")
    assert status == 200, listed
    TypeAdapter(ConversationItemList).validate_python(listed)
    items: list[Any] = listed["data"]
    return items


async def test_a_conversation_is_made_changed_and_forgotten() -> None:
    one = Instance()
    made = (await one.ask("POST", "/conversations", {"metadata": {"topic": "demo"}}))[1]
    path = f"/conversations/{made['id']}"
    assert (made["object"], made["metadata"]) == ("conversation", {"topic": "demo"})
    assert await one.ask("GET", path) == (200, made)
    changed = {**made, "metadata": {"topic": "other"}}
    assert await one.ask("POST", path, {"metadata": {"topic": "other"}}) == (200, changed)
    assert await one.ask("GET", path) == (200, changed)
    gone = (await one.ask("DELETE", path))[1]
    TypeAdapter(ConversationDeletedResource).validate_python(gone, strict=True)
    assert gone == {"id": made["id"], "object": "conversation.deleted", "deleted": True}
    for method, body in (("GET", None), ("DELETE", None), ("POST", {"metadata": {}})):
        assert (await one.ask(method, path, body))[0] == 404
    again = (await one.ask("POST", "/conversations", {"items": None, "metadata": None}))[1]
    assert (await one.ask("POST", f"/conversations/{again['id']}/delete"))[0] == 200


async def test_items_are_added_read_and_taken_out() -> None:
    one = Instance()
    conversation = await begun(one, "a", "b")
    path = f"/conversations/{conversation}/items"
    status, added = await one.ask("POST", path, {"items": [message("c"), message("d", "assistant")]})
    assert (status, texts(added["data"]), added["has_more"]) == (200, ["c", "d"], False)
    items = await items_of(one, conversation)
    assert texts(items) == ["a", "b", "c", "d"]
    assert [item["content"][0]["type"] for item in items] == ["input_text"] * 3 + ["output_text"]
    assert texts(await items_of(one, conversation, "")) == ["d", "c", "b", "a"]
    for item in items:
        TypeAdapter(ConversationItem).validate_python(item)
        assert await one.ask("GET", f"{path}/{item['id']}") == (200, item)
    status, left = await one.ask("DELETE", f"{path}/{items[1]['id']}")
    assert (status, left["object"], left["id"]) == (200, "conversation", conversation)
    assert (await one.ask("POST", f"{path}/{items[2]['id']}/delete"))[0] == 200
    assert texts(await items_of(one, conversation)) == ["a", "d"]
    assert (await one.ask("GET", f"{path}/{items[1]['id']}"))[0] == 404
    assert (await one.ask("DELETE", f"{path}/{items[1]['id']}"))[0] == 404


async def test_items_that_come_with_one_id_get_ids_of_their_own() -> None:
    one = Instance()
    conversation = await begun(one)
    same = {**message("a"), "id": "msg_1"}
    added = (await one.ask("POST", f"/conversations/{conversation}/items", {"items": [same, same]}))[1]["data"]
    assert added[0]["id"] == "msg_1"
    assert added[1]["id"].startswith("msg_")
    assert added[1]["id"] != "msg_1"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"items": [message("x")] * 21}, "items", id="too-many"),
        pytest.param({"items": "x"}, "items", id="no-list"),
        pytest.param({"items": [{"type": "nonsense"}]}, "items.0.type", id="unknown-type"),
        pytest.param({"metadata": {"k": "x" * 513}}, "metadata.k", id="long-value"),
        pytest.param({"metadata": {str(number): "x" for number in range(17)}}, "metadata", id="many-pairs"),
        pytest.param({"metadata": "x"}, "metadata", id="no-object"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    status, refusal = await Instance().ask("POST", "/conversations", body)
    assert (status, refusal["error"]["param"]) == (400, param)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_takes_its_items_as_context_and_adds_what_was_said(*, background: bool, stream: bool) -> None:
    one = Instance()
    conversation = await begun(one, "My name is Bob.")
    body = {"input": "Who am I?", "conversation": {"id": conversation}, "background": background, "stream": stream}
    answer = await one.call("POST", "/responses", body).done()
    await one.until_idle()
    assert [said["content"] for said in one.engine.asked[0]["messages"]] == ["My name is Bob.", "Who am I?"]
    items = await items_of(one, conversation)
    assert texts(items) == ["My name is Bob.", "Who am I?", "Hi you."]
    said = answer.events[-1]["response"] if stream else json.loads(answer.body)
    response = (await one.ask("GET", f"/responses/{said['id']}"))[1]
    check_response(response)
    assert response["conversation"] == said["conversation"] == {"id": conversation}
    assert response["output"] == items[2:]
    assert (await one.ask("POST", "/responses", {"input": "More", "conversation": conversation}))[0] == 200
    assert len(one.engine.asked[1]["messages"]) == 4


async def test_turns_at_once_lose_nothing() -> None:
    one = Instance()
    one.engine.max_num_seqs = 16
    conversation = await begun(one)
    bodies = [{"input": str(number), "conversation": conversation} for number in range(12)]
    assert {
        status for status, _ in await asyncio.gather(*(one.ask("POST", "/responses", body) for body in bodies))
    } == {200}
    said = texts(await items_of(one, conversation))
    assert sorted(said[::2], key=int) == [str(number) for number in range(12)]
    assert said[1::2] == ["Hi you."] * 12


async def test_a_conversation_is_no_larger_than_a_request_that_sends_it_whole() -> None:
    one = Instance(SCORING_MAX_BODY_BYTES="20000", SCORING_MAX_MESSAGE_PARTS="30")
    long, short = message("a" * 9000), message("b")
    conversation = await begun(one)
    path = f"/conversations/{conversation}/items"
    statuses = [(await one.ask("POST", path, {"items": [long]}))[0] for _ in range(4)]
    assert statuses == [200, 200, 400, 400]
    chain: Any = {}
    for status in (200, 200, 400):
        answer = await one.ask("POST", "/responses", {"input": [long], **chain})
        assert answer[0] == status
        chain = {"previous_response_id": answer[1].get("id")}
    assert answer[1]["error"]["param"] == "previous_response_id"
    asked = len(one.engine.asked)
    refused = await one.ask("POST", "/responses", {"input": [long], "conversation": conversation})
    assert (refused[0], refused[1]["error"]["param"], len(one.engine.asked)) == (400, "conversation", asked)
    many = f"/conversations/{await begun(one)}/items"
    assert [(await one.ask("POST", many, {"items": [short] * 20}))[0] for _ in range(2)] == [200, 400]


@pytest.mark.parametrize("how", ["refuses", "breaks", "cancelled"])
async def test_a_turn_that_has_failed_or_was_cancelled_adds_nothing(how: str) -> None:
    one = Instance()
    conversation = await begun(one, "a")
    body = {"input": "b", "conversation": conversation, "background": True, "request_id": "resp_1"}
    if how == "cancelled":
        one.engine.go.clear()
    else:
        setattr(one.engine, how, True)
    await one.ask("POST", "/responses", body)
    if how == "cancelled":
        await one.ask("POST", "/responses/resp_1/cancel")
    await one.until_idle()
    assert (await one.ask("GET", "/responses/resp_1"))[1]["status"] in ("failed", "cancelled")
    assert texts(await items_of(one, conversation)) == ["a"]


async def test_a_conversation_that_is_deleted_meanwhile_stays_deleted() -> None:
    one = Instance()
    conversation = await begun(one)
    one.engine.go.clear()
    call = one.call("POST", "/responses", {"input": "a", "conversation": conversation, "stream": True})
    await call.until_event("response.output_text.delta")
    assert (await one.ask("DELETE", f"/conversations/{conversation}"))[0] == 200
    one.engine.go.set()
    assert check_events((await call.done()).events)["status"] == "completed"
    assert (await one.ask("GET", f"/conversations/{conversation}"))[0] == 404


async def test_without_room_for_the_turn_it_is_refused_before_the_engine_is_asked() -> None:
    one = Instance(memory(size=2000))
    conversation = await begun(one)
    status, refusal = await one.ask(
        "POST", "/responses", {"input": secrets.token_hex(900), "conversation": conversation}
    )
    assert (status, refusal["error"]["type"]) == (429, "insufficient_quota")
    assert one.engine.asked == []


@pytest.mark.parametrize("conversation", ["conv_none", {"id": "conv_none"}])
async def test_an_unknown_conversation_is_not_found(conversation: Any) -> None:
    status, refusal = await Instance().ask("POST", "/responses", {"input": "x", "conversation": conversation})
    assert (status, refusal["error"]["param"]) == (404, "conversation")


async def test_the_input_of_a_response_comes_a_page_at_a_time() -> None:
    one = Instance()
    first = (await one.ask("POST", "/responses", {"input": [message(str(number)) for number in range(25)]}))[1]
    body = {"input": [message("25")], "previous_response_id": first["id"], "instructions": "Be kind."}
    second = (await one.ask("POST", "/responses", body))[1]
    path = f"/responses/{second['id']}/input_items"
    whole = [*map(str, range(25)), "Hi you.", "25"]
    for query, expected in (("order=asc", whole), ("order=desc", whole[::-1]), ("", whole[::-1])):
        for limit in (None, 1, 7, 27, 100):
            found: list[Any] = []
            after = ""
            while True:
                more = f"{query}&limit={limit}" if limit else query
                page = (await one.ask("GET", f"{path}?{more}&after={after}"))[1]
                TypeAdapter(ResponseItemList).validate_python(page)
                assert len(page["data"]) <= (limit or 20)
                assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
                found += page["data"]
                if not page["has_more"]:
                    break
                after = page["last_id"]
            assert texts(found) == expected
    assert (await one.ask("GET", f"/responses/{first['id']}/input_items?limit=25"))[1]["has_more"] is False


@pytest.mark.parametrize(
    ("query", "param"),
    [
        pytest.param("limit=0", "limit", id="no-items"),
        pytest.param("limit=101", "limit", id="too-many"),
        pytest.param("limit=-1", "limit", id="negative"),
        pytest.param("limit=x", "limit", id="text"),
        pytest.param("order=up", "order", id="order"),
        pytest.param("after=msg_none", "after", id="unknown-item"),
        pytest.param("include=x", "include", id="include"),
    ],
)
async def test_a_page_that_does_not_exist_is_refused_by_its_name(query: str, param: str) -> None:
    one = Instance()
    response = (await one.ask("POST", "/responses", {"input": "Hi"}))[1]
    conversation = await begun(one, "a")
    for path in (f"/responses/{response['id']}/input_items", f"/conversations/{conversation}/items"):
        status, refusal = await one.ask("GET", f"{path}?{query}")
        assert (status, refusal["error"]["param"]) == (400, param)


async def test_what_cannot_be_included_is_named_wherever_items_are_given() -> None:
    one = Instance()
    conversation = await begun(one, "a")
    path = f"/conversations/{conversation}/items"
    item = (await items_of(one, conversation))[0]["id"]
    for method, where, body in (("POST", path, {"items": []}), ("GET", f"{path}/{item}", None)):
        assert (await one.ask(method, f"{where}?include=x", body))[1]["error"]["param"] == "include"
        assert (await one.ask(method, f"{where}?include[]=reasoning.encrypted_content", body))[0] == 200


async def test_an_empty_conversation_has_an_empty_page() -> None:
    one = Instance()
    conversation = await begun(one)
    assert await items_of(one, conversation) == []
