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
