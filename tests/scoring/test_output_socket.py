"""The socket of the engine's results against real sockets: nothing is lost, nobody waits in vain, nothing spins."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
import zmq
import zmq.asyncio
from vllm.v1.engine.core_client import AsyncMPClient

from scoring import output_socket
from scoring.output_socket import OutputSocket

ADDRESS = "inproc://results"


class Core(AsyncMPClient):
    """vLLM's client with nothing but a socket."""

    def __init__(self, socket: Any) -> None:
        self.resources = SimpleNamespace(output_socket=socket, output_queue_task=None)


class Counting(OutputSocket):
    """A socket that counts how often it is told that there is something."""

    woken = 0

    def _handle_events(self, fd: int = 0, events: int = 0) -> None:
        Counting.woken += 1
        super()._handle_events(fd, events)


@asynccontextmanager
async def ends() -> AsyncIterator[tuple[Any, Any]]:
    """The engine's end, and the one that receives."""
    context = zmq.Context()
    receiver = zmq.asyncio.Context(context).socket(zmq.PULL)
    receiver.bind(ADDRESS)
    sender = context.socket(zmq.PUSH)
    sender.connect(ADDRESS)
    assert output_socket.install(Core(receiver))
    try:
        yield sender, receiver
    finally:
        receiver.close(0)
        context.destroy(0)


def between_ends(story: Callable[[Any, Any], Awaitable[None]]) -> None:
    """Run a story in the loop that the server uses."""

    async def run() -> None:
        async with ends() as (sender, receiver):
            await story(sender, receiver)

    uvloop.run(run())


def test_all_arrive_in_their_order() -> None:
    async def story(sender: Any, receiver: Any) -> None:
        sent = [[str(number).encode(), b"x" * number] for number in range(200)]

        async def send() -> None:
            for number, frames in enumerate(sent):
                sender.send_multipart(frames)
                if number % 7 == 0:
                    await asyncio.sleep(0.001)  # what comes between finds the receiver waiting, or many at once

        sending = asyncio.create_task(send())
        found = [[bytes(frame.buffer) for frame in await receiver.recv_multipart(copy=False)] for _ in sent]
        await sending
        assert found == sent

    between_ends(story)


def test_a_cancelled_wait_loses_nothing() -> None:
    async def story(sender: Any, receiver: Any) -> None:
        waiting = asyncio.create_task(receiver.recv_multipart())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        sender.send_multipart([b"late"])
        assert await asyncio.wait_for(receiver.recv_multipart(), 10) == [b"late"]

    between_ends(story)


def test_what_nobody_receives_keeps_the_loop_free() -> None:
    async def story(sender: Any, receiver: Any) -> None:
        waiting = asyncio.create_task(receiver.recv_multipart())
        await asyncio.sleep(0)
        waiting.cancel()
        receiver.__class__ = Counting
        for _ in range(5):
            sender.send_multipart([b"more"])
        for _ in range(500):
            await asyncio.sleep(0.0001)
        assert 0 < Counting.woken < 20
        assert await receiver.recv_multipart() == [b"more"]

    between_ends(story)


def test_closing_the_socket_is_enough_to_end_who_waits() -> None:
    async def story(sender: Any, receiver: Any) -> None:
        waiting = asyncio.create_task(receiver.recv_multipart())
        await asyncio.sleep(0)
        receiver.close(0)
        done, _ = await asyncio.wait([waiting], timeout=10)
        assert done
        assert waiting.cancelled()

    between_ends(story)


def test_it_can_be_closed_after_its_loop() -> None:
    async def story(receiver: Any) -> asyncio.Task[Any]:
        waiting = asyncio.create_task(receiver.recv_multipart())
        await asyncio.sleep(0)
        return waiting

    context = zmq.asyncio.Context()
    receiver = context.socket(zmq.PULL)
    assert output_socket.install(Core(receiver))
    loop = uvloop.new_event_loop()
    waiting = loop.run_until_complete(story(receiver))
    loop.close()
    receiver.close(0)
    assert receiver.closed
    assert not waiting.done()
    context.term()


def test_another_pyzmq_keeps_its_own(caplog: pytest.LogCaptureFixture) -> None:
    class Other(zmq.asyncio.Socket):
        """A socket that is not known here."""

    context = zmq.asyncio.Context()
    socket = Other(context, zmq.PULL)
    with caplog.at_level(logging.INFO, "scoring"):
        assert not output_socket.install(Core(socket))
    assert type(socket) is Other
    assert "[output socket] off: this vLLM or pyzmq" in caplog.text
    socket.close(0)
    context.term()


def test_a_socket_that_receives_already_is_left_alone() -> None:
    async def story(sender: Any, receiver: Any) -> None:
        core = Core(receiver)
        core.resources.output_queue_task = object()
        receiver.__class__ = zmq.asyncio.Socket
        assert not output_socket.install(core)
        assert type(receiver) is zmq.asyncio.Socket

    between_ends(story)
