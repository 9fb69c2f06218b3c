"""A request that cannot be sent to the engine's process, with a small stand-in for vLLM's client."""

import asyncio
from types import SimpleNamespace

import pytest

from scoring.engine.repairs.unsent_requests import forget_unsent


class Client:
    """vLLM's client as far as it is used: what it counts and what it aborts."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.aborted: list[tuple[str, bool]] = []
        self.engine_core = SimpleNamespace(add_request_async=self.send)

    async def send(self, request: SimpleNamespace) -> None:
        if self.error is not None:
            raise self.error

    async def abort(self, request_id: str, *, internal: bool) -> None:
        self.aborted.append((request_id, internal))


@pytest.mark.parametrize(
    ("error", "aborted"),
    [
        pytest.param(None, [], id="sent"),
        pytest.param(OverflowError("65 bits"), [("r", True)], id="cannot-be-encoded"),
        pytest.param(asyncio.CancelledError(), [("r", True)], id="client-leaves"),
    ],
)
def test_what_is_not_sent_is_not_waited_for(error: BaseException | None, aborted: list[tuple[str, bool]]) -> None:
    async def add() -> BaseException | None:
        try:
            await client.engine_core.add_request_async(SimpleNamespace(request_id="r"))
        except BaseException as raised:
            return raised
        return None

    client = Client(error)
    forget_unsent(client)
    assert asyncio.run(add()) is error
    assert client.aborted == aborted
