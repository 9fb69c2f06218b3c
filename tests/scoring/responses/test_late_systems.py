"""What a system says in the midst of a conversation, with templates that take it there and with others."""

import json
from typing import Any

import pytest

from scoring.asgi import Receive, Scope, Send, read_body, replaying, send_json
from tests.scoring.responses.instances import Instance, TalkingEngine

pytestmark = pytest.mark.anyio

USER = {"role": "user", "content": "Hi"}
FIRST = {"role": "system", "content": "Be kind."}
LATE = {"role": "developer", "content": "Be brief."}


class StrictEngine(TalkingEngine):
    """Its template wants what a system says first; it counts how often it refuses."""

    refused = 0

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a conversation with a late system message."""
        body = await read_body(scope, receive, 1 << 30)
        if any(message["role"] == "system" for message in json.loads(body)["messages"][1:]):
            self.refused += 1
            await send_json(
                send, 400, {"error": {"message": "System message must be at the beginning.", "param": None}}
            )
        else:
            await super().app(scope, replaying(body, receive), send)


async def told(instance: Instance, items: list[Any], **more: Any) -> Any:
    status, answer = await instance.ask("POST", "/responses", {"input": items, **more})
    assert status == 200, answer
    return instance.engine.asked[-1]["messages"]


def strict() -> Instance:
    instance = Instance()
    instance.engine = StrictEngine()
    instance.service.engines[:] = [instance.engine]  # type: ignore[list-item]
    return instance


async def test_a_template_that_takes_it_is_told_so() -> None:
    late = {"role": "system", "content": "Be brief."}
    assert await told(Instance(), [FIRST, USER, LATE, USER]) == [FIRST, USER, late, USER]


@pytest.mark.parametrize("truncation", ["auto", "disabled"])
async def test_to_others_a_user_says_it(truncation: str) -> None:
    late = {"role": "user", "content": "Be brief."}
    one = strict()
    assert await told(one, [FIRST, USER, LATE, USER], truncation=truncation) == [FIRST, USER, late, USER]
    assert await told(one, [USER, LATE], truncation=truncation) == [USER, late]
    assert isinstance(one.engine, StrictEngine)
    assert one.engine.refused == 1
