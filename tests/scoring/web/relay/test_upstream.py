"""Clients that leave or read slowly, and bodies that are long."""

import asyncio
import os
import tracemalloc
from typing import Any

import pytest

from scoring.asgi import ClientGone, local_scope
from scoring.web.relay.relay import Relay
from scoring.web.relay.upstream import FrontDied
from tests.scoring.web.relay.front import (
    BODY,
    LAST,
    ONE,
    STREAM,
    TWO,
    Answering,
    Asked,
    Client,
    Exchange,
    Front,
    chunk,
    event,
    running,
    until,
    whole,
    with_front,
    writing,
)


@pytest.mark.parametrize(
    "answering",
    [
        pytest.param(writing(), id="before-the-answer"),
        pytest.param(writing(STREAM), id="after-the-head"),
        pytest.param(writing(STREAM, chunk(ONE)), id="in-a-stream"),
        pytest.param(writing(whole(BODY)[:-3]), id="in-a-whole-answer"),
    ],
)
def test_client_that_leaves_ends_its_request(answering: Answering) -> None:
    async def told(front: Front, relay: Relay) -> None:
        client = Client()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: bool(front.exchanges) and bool(front.exchanges[0].body))
        await asyncio.sleep(0.02)
        client.left.set()
        with pytest.raises(ClientGone):
            await asking
        await until(lambda: bool(gone))

    async def seen(exchange: Exchange) -> bool:
        await answering(exchange)
        gone.append(await exchange.gone())
        return True

    gone: list[bool] = []
    with_front(seen, told)
    assert gone == [True]


def test_request_that_is_cancelled_ends_at_the_front() -> None:
    async def told(front: Front, relay: Relay) -> bool:
        client = Client()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: client.body == ONE)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: bool(gone))
        return gone[0]

    async def answering(exchange: Exchange) -> bool:
        await exchange.write(STREAM, chunk(ONE))
        gone.append(await exchange.gone())
        return True

    gone: list[bool] = []
    assert with_front(answering, told)


@pytest.mark.parametrize("takes", [pytest.param(1, id="the-head"), pytest.param(3, id="some-events")])
def test_client_that_reads_slowly_holds_up_the_front(takes: int) -> None:
    written = 0
    events = event("x" * 65536)

    async def answering(exchange: Exchange) -> None:
        nonlocal written
        await exchange.write(STREAM)
        for _ in range(100):
            await exchange.write(chunk(events))
            written += 1
        await exchange.write(LAST)

    async def told(front: Front, relay: Relay) -> None:
        client = Client(takes)
        asking = asyncio.ensure_future(client.ask(relay))
        before = -1
        while before != written:  # until the front can write no more
            before = written
            await asyncio.sleep(0.2)
        assert written < 30  # what fits into the sockets' buffers, and what may wait with us
        client.reads.set()
        assert await asking
        assert client.body == events * 100

    with_front(answering, told)


def test_slow_client_loses_nothing_when_the_front_goes_on_and_ends() -> None:
    async def told(front: Front, relay: Relay) -> tuple[bytes, bool]:
        client = Client()
        client.reads.clear()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: bool(front.exchanges))
        await asyncio.sleep(0.05)
        client.reads.set()
        await asking
        return client.body, client.complete

    pieces = [chunk(event(str(number))) for number in range(20)]
    body, complete = with_front(writing(STREAM, *pieces, LAST), told)
    assert body == b"".join(event(str(number)) for number in range(20))
    assert complete


def test_slow_client_gets_all_that_came_before_the_front_died() -> None:
    async def told(front: Front, relay: Relay) -> None:
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: len(client.messages) > 1)
        client.reads.clear()
        front.exchanges[0].writer.write(chunk(TWO))
        front.exchanges[0].writer.close()
        await asyncio.sleep(0.05)
        client.reads.set()
        with pytest.raises(FrontDied):
            await asking

    client = Client()
    with_front(writing(STREAM, chunk(ONE)), told)
    assert client.body == ONE + TWO


def test_error_of_the_clients_side_is_the_requests() -> None:
    async def told(front: Front, relay: Relay) -> None:
        client = Client()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await relay.answer(Asked(), local_scope("POST", "/"), client.receive, send)

    with_front(writing(STREAM, chunk(ONE), chunk(TWO)), told)


def test_long_event_is_not_held_for_its_end() -> None:
    async def told(front: Front, relay: Relay) -> None:
        client = Client()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: len(client.body) > 100_000)
        front.exchanges[0].writer.write(b"y" * 900_000 + b"\r\n" + LAST)
        assert await asking
        assert client.body == b"y" * 1_500_000

    with_front(writing(STREAM, b"%x\r\n" % 1_500_000, b"y" * 600_000), told)


def test_long_body_is_written_as_it_is_taken() -> None:
    """While the front takes nothing, no second copy of the body waits for it in a buffer."""
    body = b"x" * 8_000_000

    async def told(front: Front, relay: Relay) -> int:
        asking = asyncio.ensure_future(Client().ask(relay, Asked(body=body)))
        await asyncio.sleep(0.3)
        held = tracemalloc.get_traced_memory()[0]
        reads.set()
        assert await asking
        return held

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reads.wait()
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(body))
        writer.write(STREAM + LAST)

    async def live() -> int:
        async with running(writing()) as (front, relay):
            os.unlink(front.path)
            async with await asyncio.start_unix_server(serve, front.path, limit=1024):
                return await told(front, relay)

    reads = asyncio.Event()
    tracemalloc.start()
    try:
        assert asyncio.run(live()) < 1_000_000
    finally:
        tracemalloc.stop()


def test_refusal_that_comes_before_a_long_body_is_taken() -> None:
    async def answering(exchange: Exchange) -> bool:
        return True

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"too long", b"413 Content Too Large"))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()

    async def told(front: Front, relay: Relay) -> bool:
        os.unlink(front.path)
        async with await asyncio.start_unix_server(refuse, front.path):
            return await Client().ask(relay, Asked(body=b"x" * 8_000_000))

    assert with_front(answering, told) is False


def test_waiting_is_for_the_front_not_for_the_client() -> None:
    async def told(front: Front, relay: Relay) -> None:
        counts: Any = relay._pool._waits
        client = Client()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: client.body == ONE)
        assert counts.waiting == 1
        client.reads.clear()
        front.exchanges[0].writer.write(chunk(TWO))
        await until(lambda: counts.waiting == 0)
        client.reads.set()
        await until(lambda: counts.waiting == 1)
        front.exchanges[0].writer.write(LAST)
        assert await asking
        assert (counts.waiting, counts.pieces > 2) == (0, True)

    with_front(writing(STREAM, chunk(ONE)), told)
