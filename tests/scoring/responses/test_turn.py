"""Turns of conversations in stores that do not do what they are asked, or do not say so."""

from typing import Any

import pytest

from scoring.responses.store.base import Outcome, StoreUnavailable
from scoring.responses.store.memory import MemoryStore
from scoring.settings.response_store import ResponseStoreSettings
from tests.scoring.responses.checking import check_events
from tests.scoring.responses.instances import Instance

pytestmark = pytest.mark.anyio


async def begun(instance: Instance) -> str:
    """Begin a conversation."""
    return str((await instance.ask("POST", "/conversations", {}))[1]["id"])


class ForgetfulStore(MemoryStore):
    """A store that takes a change and then cannot say so."""

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep it; of a conversation's second version nothing is told."""
        outcome = await super().replace(key, payload, version)
        if key.startswith("conversation:") and version == 1:
            raise StoreUnavailable("no answer")
        return outcome


async def test_a_turn_that_the_store_has_taken_without_saying_so_is_added_once() -> None:
    one = Instance(ForgetfulStore(ResponseStoreSettings()))
    conversation = await begun(one)
    body = {"input": "a", "conversation": conversation, "background": True, "request_id": "resp_1"}
    await one.ask("POST", "/responses", body)
    assert (await one.until("resp_1", "completed"))["store"] is True
    listed = (await one.ask("GET", f"/conversations/{conversation}/items?order=asc"))[1]["data"]
    assert [item["content"][0]["text"] for item in listed] == ["a", "Hi you."]


class NarrowStore(MemoryStore):
    """A store whose conversations cannot grow."""

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep it unless it is a conversation."""
        if key.startswith("conversation:"):
            return Outcome.FULL
        return await super().replace(key, payload, version)


@pytest.mark.parametrize("more", [{}, {"request_id": "resp_1"}, {"background": True, "request_id": "resp_1"}])
async def test_a_turn_without_room_in_its_conversation_is_told_and_kept_alike(more: dict[str, Any]) -> None:
    one = Instance(NarrowStore(ResponseStoreSettings()))
    body = {"input": "a", "conversation": await begun(one), "stream": True, **more}
    told = check_events((await one.call("POST", "/responses", body).done()).events)
    assert told["store"] is False
    assert await one.ask("GET", f"/responses/{told['id']}") == (200, told)
