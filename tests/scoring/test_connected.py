"""Work that ends with its client, driven without a socket."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from scoring import connected
from scoring.asgi import Message
from scoring.connected import while_connected


class Client:
    """A client that sends what it is told to, and then waits."""

    def __init__(self, *messages: str) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        for kind in messages:
            self.messages.put_nowait({"type": kind})

    async def receive(self) -> Message:
        return await self.messages.get()

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


ended: list[str] = []


async def endless() -> str:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")
    return "never"


def run(story: Callable[[], Awaitable[None]]) -> None:
    ended.clear()
    asyncio.run(asyncio.wait_for(story(), 30))  # type: ignore[arg-type]


def test_the_work_is_done_while_the_client_waits() -> None:
    async def story() -> None:
        client = Client("http.request")
        assert await while_connected(client.receive, asyncio.sleep(0, "done")) == "done"
        client.leave()
        await asyncio.sleep(0.01)  # nobody listens any more: nothing is cancelled afterwards
        assert client.messages.qsize() == 1

    run(story)


def test_the_work_ends_when_the_client_leaves_and_the_request_goes_on() -> None:
    async def story() -> None:
        client = Client("http.request")
        asyncio.get_running_loop().call_later(0.01, client.leave)
        assert await while_connected(client.receive, endless()) is None
        assert ended == ["ended"]
        await asyncio.sleep(0)  # the task itself is not cancelled
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(story)


@pytest.mark.parametrize("leaves_first", [False, True])
def test_a_cancellation_that_is_lost_on_the_way_comes_again(
    monkeypatch: pytest.MonkeyPatch, leaves_first: bool
) -> None:
    monkeypatch.setattr(connected, "AGAIN", 0.01)

    async def story() -> None:
        client = Client("http.request")
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        steps = [client.leave, lambda: ready.set_result(None)]
        for step in steps if leaves_first else reversed(steps):
            loop.call_later(0.01, step)

        async def loses_it() -> str:
            await asyncio.wait_for(ready, 10)
            return await endless()

        assert await while_connected(client.receive, loses_it()) is None
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(story)


def test_what_the_work_raises_is_raised() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    async def story() -> None:
        with pytest.raises(ValueError, match="broken"):
            await while_connected(Client().receive, fails())

    run(story)


@pytest.mark.parametrize("leaves_too", [False, True])
def test_somebody_else_who_ends_it_is_not_taken_for_the_client(leaves_too: bool) -> None:
    async def story() -> None:
        client = Client()
        task = asyncio.ensure_future(while_connected(client.receive, endless()))
        await asyncio.sleep(0.01)
        task.cancel()
        if leaves_too:
            client.leave()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["ended"]

    run(story)
