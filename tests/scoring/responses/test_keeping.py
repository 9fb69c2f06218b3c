"""What is kept, for whom, and what is told where it cannot be."""

import asyncio
import secrets
from typing import Any
from urllib.parse import unquote

import pytest

from tests.scoring.responses.checking import check_events, check_response
from tests.scoring.responses.instances import Instance, memory

pytestmark = pytest.mark.anyio

TWO = {"SCORING_API_KEY": "key-one", "VLLM_API_KEY": "key-two"}
LONG = "word " * 200
ODD = (
    ("GET", "/responses/{}"),
    ("DELETE", "/responses/{}"),
    ("POST", "/responses/{}/cancel"),
    ("GET", "/conversations/{}"),
    ("GET", "/conversations/{}/items/{}"),
)


async def created(instance: Instance, key: str = "", **body: Any) -> dict[str, Any]:
    status, response = await instance.ask("POST", "/responses", {"input": "Hi", **body}, key=key)
    assert status == 200, response
    check_response(response)
    document: dict[str, Any] = response
    return document


async def test_where_several_keys_exist_each_sees_its_own() -> None:
    one = Instance(**TWO)
    mine = await created(one, "key-one", background=True)
    await one.until(mine["id"], "completed", key="key-one")
    conversation = (await one.ask("POST", "/conversations", {}, key="key-one"))[1]["id"]
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"/responses/{mine['id']}", None),
        ("GET", f"/responses/{mine['id']}?stream=true", None),
        ("GET", f"/responses/{mine['id']}/input_items", None),
        ("POST", f"/responses/{mine['id']}/cancel", None),
        ("POST", "/responses", {"input": "Hi", "previous_response_id": mine["id"]}),
        ("POST", "/responses/input_tokens", {"input": "Hi", "previous_response_id": mine["id"]}),
        ("POST", "/responses", {"input": "Hi", "conversation": conversation}),
        ("GET", f"/conversations/{conversation}", None),
        ("POST", f"/conversations/{conversation}", {"metadata": {}}),
        ("GET", f"/conversations/{conversation}/items", None),
        ("POST", f"/conversations/{conversation}/items", {"items": []}),
        ("DELETE", f"/conversations/{conversation}", None),
        ("DELETE", f"/responses/{mine['id']}", None),
    ]
    for method, path, body in asked:
        assert (await one.call(method, path, body, "key-two").done()).status == 404, (method, path)
    for method, path, body in asked:
        assert (await one.call(method, path, body, "key-one").done()).status == 200, (method, path)


async def test_one_that_is_under_way_is_hidden_from_others_too() -> None:
    one = Instance(**TWO)
    one.engine.go.clear()
    mine = await created(one, "key-one", background=True)
    for method, path in (("GET", ""), ("GET", "?stream=true"), ("POST", "/cancel"), ("DELETE", "")):
        assert (await one.call(method, f"/responses/{mine['id']}{path}", None, "key-two").done()).status == 404
    one.engine.go.set()
    assert (await one.until(mine["id"], "completed", key="key-one"))["error"] is None


async def test_who_had_the_only_key_finds_its_responses_when_there_is_a_second_one() -> None:
    before = Instance(SCORING_API_KEY="key-one")
    mine = await created(before, "key-one")
    after = Instance(before.store, **TWO)
    assert (await after.ask("GET", f"/responses/{mine['id']}", key="key-one"))[0] == 200
    assert (await after.ask("GET", f"/responses/{mine['id']}", key="key-two"))[0] == 404


async def test_no_key_is_stored() -> None:
    store = memory()
    one = Instance(store, **TWO)
    mine = await created(one, "key-one")
    kept = await store.get(mine["id"])
    assert kept is not None
    assert len(kept.owner) == 32
    assert "key-one" not in f"{kept}"


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/delete")])
async def test_a_deleted_response_is_gone(method: str, path: str) -> None:
    one = Instance()
    response_id = (await created(one))["id"]
    said = {"id": response_id, "object": "response", "deleted": True}
    assert await one.ask(method, f"/responses/{response_id}{path}") == (200, said)
    for again, more in (("GET", ""), (method, path), ("POST", "/cancel"), ("GET", "/input_items")):
        status, refusal = await one.ask(again, f"/responses/{response_id}{more}")
        assert (status, refusal["error"]["message"]) == (404, f"Response with id '{response_id}' not found.")
    assert (await one.ask("POST", "/responses", {"input": "x", "previous_response_id": response_id}))[0] == 404


async def test_an_id_that_is_taken_is_refused_by_its_name_before_the_engine_is_asked() -> None:
    one = Instance()
    one.engine.go.clear()
    calls = [one.call("POST", "/responses", {"input": "Hi", "request_id": "resp_1"}) for _ in range(5)]
    while sum(call.task.done() for call in calls) < 4:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    one.engine.go.set()
    answers = [await call.done() for call in calls]
    assert sorted(call.status for call in answers) == [200, 400, 400, 400, 400]
    assert len(one.engine.asked) == 1
    assert all(b"'resp_1' exists already" in call.body for call in answers if call.status == 400)
    assert (await one.ask("GET", "/responses/resp_1"))[1]["status"] == "completed"


@pytest.mark.parametrize("how", ["refuses", "breaks"])
async def test_an_id_is_free_again_where_there_was_no_response(how: str) -> None:
    one = Instance()
    setattr(one.engine, how, True)
    status, _ = await one.ask("POST", "/responses", {"input": "Hi", "request_id": "resp_1"})
    assert status >= 400
    setattr(one.engine, how, False)
    assert (await created(one, request_id="resp_1"))["status"] == "completed"


async def test_in_a_full_store_who_insists_is_refused_before_the_engine_is_asked_and_others_are_told() -> None:
    one = Instance(memory(size=3000))
    kept = await created(one, input=LONG, store=True)
    while (await created(one))["store"]:
        pass
    asked = len(one.engine.asked)
    conversation = "conv_1"
    for more in ({"store": True}, {"background": True}, {"background": True, "stream": True}):
        call = await one.call("POST", "/responses", {"input": LONG, **more}).done()
        assert (call.status, call.headers[b"x-should-retry"]) == (429, b"false"), more
        assert b"SCORING_RESPONSE_STORE_BYTES" in call.body
        assert b"insufficient_quota" in call.body
    assert len(one.engine.asked) == asked
    assert (await one.ask("POST", "/conversations", {"items": [{"role": "user", "content": secrets.token_hex(2000)}]}))[
        0
    ] == 429
    streamed = await one.call("POST", "/responses", {"input": LONG, "stream": True}).done()
    assert check_events(streamed.events)["store"] is False
    assert (await one.ask("GET", f"/responses/{streamed.events[-1]['response']['id']}"))[0] == 404
    assert (await one.ask("GET", f"/responses/{kept['id']}"))[0] == 200, "pushed out by others"
    assert (await one.ask("GET", f"/conversations/{conversation}"))[0] == 404


async def test_one_caller_pushes_out_its_own_oldest_only() -> None:
    one = Instance(memory(size=20_000), **TWO)
    others = await created(one, "key-two", input=LONG)
    mine = [(await created(one, "key-one", input=f"{number} {LONG}", store=True))["id"] for number in range(30)]
    found = [(await one.ask("GET", f"/responses/{one_id}", key="key-one"))[0] for one_id in mine]
    assert (found[0], found[-1]) == (404, 200)
    assert found == sorted(found, reverse=True)
    assert (await one.ask("GET", f"/responses/{others['id']}", key="key-two"))[0] == 200


async def test_a_background_response_that_has_no_room_at_its_end_says_so() -> None:
    one = Instance(memory(size=10_000))
    one.engine.words = ("Hi", *(secrets.token_hex(2000) for _ in range(3)))
    one.engine.go.clear()
    mine = await created(one, background=True)
    follower = one.call("GET", f"/responses/{mine['id']}?stream=true")
    await follower.until_event("response.output_text.delta")
    await one.store.add("others", bytes(await one.store.room("")), "")
    one.engine.go.set()
    assert check_events((await follower.done()).events)["store"] is False
    await one.until_idle()
    found = (await one.ask("GET", f"/responses/{mine['id']}"))[1]
    check_response(found)
    assert found["status"] == "failed"
    assert "SCORING_RESPONSE_STORE_BYTES" in found["error"]["message"]


async def test_readers_are_admitted_in_bounds() -> None:
    one = Instance()
    one.engine.go.clear()
    mine = await created(one, background=True)
    path = f"/responses/{mine['id']}?stream=true"
    followers = [one.call("GET", path) for _ in range(64)]
    for follower in followers:
        await follower.until_event("response.created")
    refused = await one.call("GET", path).done()
    assert (refused.status, b"retry-after" in refused.headers) == (429, True)
    assert (await one.ask("GET", f"/responses/{mine['id']}"))[0] == 200
    followers[0].hang_up()
    await followers[0].done()
    again = one.call("GET", path)
    await again.until_event("response.created")
    assert (await one.ask("POST", f"/responses/{mine['id']}/cancel"))[0] == 200
    for follower in [*followers[1:], again]:
        assert check_events((await follower.done()).events)["status"] == "cancelled"
    await one.until_idle()


@pytest.mark.parametrize(
    "name", ["nope", "a%20b", "%C3%A9", "..", "conversation%3Aconv_1", "x" * 3000, "resp_%00", "*"]
)
async def test_odd_ids_are_not_found(name: str) -> None:
    one = Instance()
    await one.ask("POST", "/conversations", {})
    for method, path in ODD:
        call = await one.call(method, path.replace("{}", unquote(name)), None).done()
        assert call.status == 404, path
        assert len(call.body) < 1500
