"""Items that clients refer to by their ids, without sending them and without naming the response they are of."""

from typing import Any

import pytest

from scoring.responses.references import item_ids
from tests.scoring.responses.instances import WORDS, Instance

pytestmark = pytest.mark.anyio

TWO = {"SCORING_API_KEY": "key-one", "VLLM_API_KEY": "key-two"}
SAID = {"role": "assistant", "content": "".join(WORDS)}
HI = {"role": "user", "content": "Hi"}
MORE = {"role": "user", "content": "More"}


def reference(response: dict[str, Any]) -> dict[str, Any]:
    return {"type": "item_reference", "id": response["output"][0]["id"]}


async def created(instance: Instance, key: str = "", **body: Any) -> dict[str, Any]:
    status, response = await instance.ask("POST", "/responses", {"input": [HI], **body}, key=key)
    assert status == 200, response
    document: dict[str, Any] = response
    return document


@pytest.mark.parametrize("request_id", [None, "my_own-id", "resp_1"])
async def test_an_item_of_an_earlier_response_is_found_by_its_id_alone(request_id: str | None) -> None:
    one = Instance()
    first = await created(one, request_id=request_id)
    second = await created(one, input=[HI, reference(first), MORE])
    assert one.engine.asked[-1]["messages"] == [HI, SAID, MORE]
    third = await created(one, input=[reference(second), HI], previous_response_id=second["id"])
    assert one.engine.asked[-1]["messages"] == [HI, SAID, MORE, SAID, HI]
    listed = (await one.ask("GET", f"/responses/{second['id']}/input_items?order=asc"))[1]["data"]
    assert [item["type"] for item in listed] == ["message"] * 3
    assert third["output"][0]["id"] != first["output"][0]["id"]


@pytest.mark.parametrize("by", ["previous_response_id", "conversation"])
async def test_what_is_in_the_conversation_is_told_and_kept_once(by: str) -> None:
    one = Instance()
    begun: Any = {}
    if by == "conversation":
        begun = {by: (await one.ask("POST", "/conversations", {}))[1]["id"]}
    first = await created(one, **begun)
    before = begun or {by: first["id"]}
    second = await created(one, input=[reference(first), reference(first), MORE], **before)
    assert one.engine.asked[-1]["messages"] == [HI, SAID, MORE]
    listed = (await one.ask("GET", f"/responses/{second['id']}/input_items?order=asc"))[1]["data"]
    assert [item["type"] for item in listed] == ["message"] * 3
    await created(one, **(begun or {by: second["id"]}))
    assert one.engine.asked[-1]["messages"] == [HI, SAID, MORE, SAID, HI]


async def test_one_item_is_put_in_once_however_often_it_is_referred_to() -> None:
    one = Instance()
    first = await created(one)
    await created(one, input=[reference(first), HI, reference(first)])
    assert one.engine.asked[-1]["messages"] == [SAID, HI]


async def test_a_conversation_keeps_the_items_that_references_name() -> None:
    one = Instance()
    first = await created(one)
    status, made = await one.ask("POST", "/conversations", {"items": [HI, reference(first)]})
    assert status == 200
    added = await one.ask("POST", f"/conversations/{made['id']}/items", {"items": [reference(first), MORE]})
    assert [item["content"][0]["text"] for item in added[1]["data"]] == ["More"]
    await created(one, input=[HI], conversation=made["id"])
    assert one.engine.asked[-1]["messages"] == [HI, SAID, MORE, HI]
    unknown = {"items": [HI, {"type": "item_reference", "id": "msg_none_0"}]}
    for path in ("/conversations", f"/conversations/{made['id']}/items"):
        status, answer = await one.ask("POST", path, unknown)
        assert (status, answer["error"]["param"]) == (404, "items.1.id")


async def test_what_is_not_found_is_refused_by_its_place() -> None:
    one = Instance(**TWO)
    first = await created(one, "key-one")
    unstored = await created(one, "key-one", store=False)
    for key, named in (("key-two", first), ("key-one", unstored)):
        status, answer = await one.ask("POST", "/responses", {"input": [HI, reference(named)]}, key=key)
        assert (status, answer["error"]["param"]) == (404, "input.1.id")
    odd = [{"type": "item_reference", "id": name} for name in ("x", "msg_", "msg__0", "msg_x_0", "msg_resp_1_y")]
    for item in odd:
        status, answer = await one.ask("POST", "/responses", {"input": [item]}, key="key-one")
        assert (status, answer["error"]["param"]) == (404, "input.0.id")


async def test_nobody_may_have_hundreds_of_responses_looked_up() -> None:
    items = [{"type": "item_reference", "id": f"msg_{number}_0"} for number in range(300)]
    status, answer = await Instance().ask("POST", "/responses", {"input": items})
    assert (status, answer["error"]["param"]) == (400, "input")


def test_ids_of_items_fit_where_other_servers_take_them() -> None:
    for response_id in ("resp_" + "a" * 48, "a" * 53, "a" * 256):
        make = item_ids(response_id)
        made = [make(prefix) for prefix in ("msg", "ctc", "call", "apply") for _ in range(100)]
        assert len(set(made)) == len(made)
        assert max(map(len, made)) <= 64
