"""What a client gets of a front behind a Unix socket that answers well, badly, slowly or not at all."""

import asyncio
import os
import re
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scoring.asgi import ClientGone, local_scope
from scoring.web.relay.relay import Relay, Rewriting
from scoring.web.relay.upstream import FrontDied
from tests.scoring.web.relay.front import (
    BODY,
    KEEP,
    LAST,
    STREAM,
    Answering,
    Asked,
    Client,
    Exchange,
    Front,
    chunk,
    event,
    running,
    whole,
)

ONE, TWO, DONE = event('{"text": "one"}'), event('{"text": "two"}'), event("[DONE]")
EVENTS = ONE + TWO + DONE


def with_front(
    answering: Answering, told: Callable[[Front, Relay], Awaitable[Any]], rewriting: Rewriting = KEEP
) -> Any:
    async def live() -> Any:
        async with running(answering, rewriting) as (front, relay):
            return await told(front, relay)

    return asyncio.run(live())


def writing(*pieces: bytes, close: bool = False) -> Answering:
    async def answering(exchange: Exchange) -> bool:
        await exchange.write(*pieces)
        return close

    return answering


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  (what is waited for has no event)
            await asyncio.sleep(0.005)


WELL = [
    pytest.param([STREAM, chunk(ONE), chunk(TWO), chunk(DONE), LAST], id="chunk-by-chunk"),
    pytest.param([STREAM + chunk(ONE) + chunk(TWO) + chunk(DONE) + LAST], id="at-once"),
    pytest.param([STREAM, chunk(ONE) + chunk(TWO), chunk(DONE) + LAST], id="several-in-a-packet"),
    pytest.param([STREAM, chunk(EVENTS[:20]), chunk(EVENTS[20:]), LAST], id="event-in-two-chunks"),
    pytest.param([STREAM, *(bytes([byte]) for byte in chunk(EVENTS) + LAST)], id="byte-by-byte"),
]


@pytest.mark.parametrize("pieces", WELL)
def test_stream_is_handed_on_in_whole_events(pieces: list[bytes]) -> None:
    client = Client()
    assert with_front(writing(*pieces), lambda front, relay: client.ask(relay))
    assert (client.status, client.body, client.complete) == (200, EVENTS, True)
    assert all(message["body"].endswith(b"\n\n") for message in client.messages[1:-1])
    assert client.headers == {b"content-type": b"text/event-stream"}


def test_event_is_sent_before_the_next_one_comes() -> None:
    async def told(front: Front, relay: Relay) -> None:
        client = Client()
        asking = asyncio.ensure_future(client.ask(relay))
        await until(lambda: client.body == ONE)
        front.exchanges[0].writer.write(chunk(TWO))
        await until(lambda: client.body == ONE + TWO)
        front.exchanges[0].writer.write(LAST)
        assert await asking

    with_front(writing(STREAM, chunk(ONE)), told)


def test_several_chunks_of_one_read_are_one_message() -> None:
    client = Client()
    with_front(writing(STREAM + b"".join(chunk(ONE) for _ in range(50)) + LAST), lambda front, relay: client.ask(relay))
    assert len(client.messages) <= 3
    assert client.body == ONE * 50


def test_whole_answer_is_rewritten_and_counted_anew() -> None:
    client = Client()
    longer = Rewriting(events=bytes, whole=lambda body: body + b"!" * 1000)
    body = b"x" * 300_000
    assert with_front(writing(whole(body)), lambda front, relay: client.ask(relay), longer)
    assert client.body == body + b"!" * 1000
    assert client.headers == {b"content-type": b"application/json", b"content-length": b"301000"}


def test_events_are_rewritten() -> None:
    client = Client()
    loud = Rewriting(events=lambda events: events.replace(b"text", b"TEXT"), whole=bytes)
    with_front(
        writing(STREAM, chunk(EVENTS[:9]), chunk(EVENTS[9:]), LAST), lambda front, relay: client.ask(relay), loud
    )
    assert client.body == EVENTS.replace(b"text", b"TEXT")


def test_front_is_sent_what_it_needs_and_no_more() -> None:
    async def told(front: Front, relay: Relay) -> list[Exchange]:
        headers = {
            "authorization": "Bearer secret", "x-request-id": "mine", "traceparent": "00-a-b-01", "cookie": "a=b",
            "content-type": "text/plain", "x-data-parallel-rank": "3",
        }  # fmt: skip
        scope = local_scope("POST", "/score", BODY, headers=headers)
        for _ in range(2):
            await Client().ask(relay, Asked(), scope)
        return front.exchanges

    first, second = with_front(writing(STREAM, LAST), told)
    line, *lines = first.head.decode().strip().split("\r\n")
    sent = dict(one.split(": ") for one in lines)
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert set(sent) == {"host", "content-type", "traceparent", "x-request-id", "content-length"}
    assert (sent["content-type"], sent["traceparent"]) == ("application/json", "00-a-b-01")
    assert re.fullmatch("[0-9a-f]{16}", sent["x-request-id"])
    assert sent["x-request-id"].encode() not in second.head
    assert first.body == second.body == BODY


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"500 Internal Server Error", b"201 Created"])
def test_refusal_reaches_nobody(status: bytes) -> None:
    client, asked = Client(), Asked()

    async def told(front: Front, relay: Relay) -> int:
        assert not await client.ask(relay, asked)
        assert not await client.ask(relay, asked)
        return front.connections

    connections = with_front(writing(whole(b'{"error": {}}', status)), told)
    assert (client.messages, asked.body, asked.dropped) == ([], BODY, False)
    assert connections == 1  # kept all the same


def test_body_is_let_go_of_when_the_answer_begins() -> None:
    async def told(front: Front, relay: Relay) -> None:
        asked = Asked()
        asking = asyncio.ensure_future(Client().ask(relay, asked))
        await until(lambda: bool(front.exchanges) and bool(front.exchanges[0].body))
        assert not asked.dropped
        front.exchanges[0].writer.write(STREAM)
        await until(lambda: asked.dropped)
        front.exchanges[0].writer.write(LAST)
        assert await asking

    with_front(writing(), told)


BEFORE = [
    pytest.param(writing(close=True), id="closed"),
    pytest.param(writing(STREAM[:30], close=True), id="cut-within-the-head"),
    pytest.param(writing(b"SSH-2.0\r\n\r\n"), id="another-protocol"),
    pytest.param(writing(b"HTTP/1.1 200 OK\r\n\r\n", close=True), id="no-length"),
]


@pytest.mark.parametrize("answering", BEFORE)
def test_death_before_the_answer_leaves_the_request_as_it_was(answering: Answering) -> None:
    client, asked = Client(), Asked()
    assert with_front(answering, lambda front, relay: client.ask(relay, asked)) is False
    assert (client.messages, asked.dropped) == ([], False)


def test_no_front_at_all() -> None:
    async def told(front: Front, relay: Relay) -> bool:
        os.unlink(front.path)
        return await Client().ask(relay)

    assert with_front(writing(), told) is False


MIDST = [
    pytest.param(writing(STREAM, close=True), b"", id="after-the-head"),
    pytest.param(writing(STREAM, chunk(ONE), close=True), ONE, id="after-a-chunk"),
    pytest.param(writing(STREAM, chunk(ONE) + chunk(TWO)[:12], close=True), ONE, id="within-a-chunk"),
    pytest.param(writing(STREAM, chunk(ONE), b"no-size\r\n"), ONE, id="no-size"),
    pytest.param(writing(whole(BODY)[:-3], close=True), b"", id="within-a-whole-answer"),
]


@pytest.mark.parametrize(("answering", "got"), MIDST)
def test_death_in_the_midst_is_raised_behind_what_has_come(answering: Answering, got: bytes) -> None:
    client = Client()
    with pytest.raises(FrontDied):
        with_front(answering, lambda front, relay: client.ask(relay))
    assert client.body == got
    assert not client.complete


def test_connection_that_was_closed_meanwhile_is_not_the_clients_matter() -> None:
    async def once(exchange: Exchange) -> bool:
        if exchange.connection == 1 and len(exchanges) > 1:
            return True  # as if it had been closed just before the second request
        await exchange.write(STREAM, chunk(ONE), LAST)
        return False

    exchanges: list[Exchange] = []

    async def told(front: Front, relay: Relay) -> tuple[list[Client], int]:
        nonlocal exchanges
        exchanges = front.exchanges
        clients = [Client(), Client()]
        for client in clients:
            assert await client.ask(relay)
        return clients, front.connections

    clients, connections = with_front(once, told)
    assert [client.body for client in clients] == [ONE, ONE]
    assert connections == 2


@pytest.mark.parametrize(
    ("answering", "connections"),
    [
        pytest.param(writing(STREAM, chunk(ONE), LAST), 1, id="kept"),
        pytest.param(
            writing(STREAM.replace(b"server: x", b"connection: close"), chunk(ONE), LAST), 3, id="told-to-close"
        ),
        pytest.param(writing(STREAM + chunk(ONE) + LAST + b"HTTP/1.1 200 OK"), 3, id="more-than-the-answer"),
        pytest.param(writing(STREAM, chunk(ONE), LAST, close=True), 3, id="closed-behind-the-answer"),
    ],
)
def test_connections_are_kept_where_they_can_be(answering: Answering, connections: int) -> None:
    async def told(front: Front, relay: Relay) -> int:
        for _ in range(3):
            client = Client()
            assert await client.ask(relay)
            assert client.body == ONE
            await asyncio.sleep(0.05)  # for the end of the connection to be seen
        return front.connections

    assert with_front(answering, told) == connections


def test_bytes_that_nobody_has_asked_for_reach_nobody() -> None:
    async def told(front: Front, relay: Relay) -> bytes:
        assert await Client().ask(relay)
        front.exchanges[0].writer.write(whole(b"somebody else's"))
        await asyncio.sleep(0.05)
        client = Client()
        assert await client.ask(relay)
        return client.body

    assert with_front(writing(STREAM, chunk(ONE), LAST), told) == ONE


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


def test_many_streams_side_by_side_keep_apart() -> None:
    async def answering(exchange: Exchange) -> None:
        for number in range(20):
            await exchange.write(*([STREAM] if not number else []), chunk(event(f"{exchange.body.decode()} {number}")))
        await exchange.write(LAST)

    async def told(front: Front, relay: Relay) -> None:
        for round_ in range(3):
            clients = [Client() for _ in range(100)]
            asked = [Asked(body=f"{round_}-{number}".encode()) for number in range(100)]
            bodies = [one.body.decode() for one in asked]
            answered = await asyncio.gather(
                *(client.ask(relay, one) for client, one in zip(clients, asked, strict=True))
            )
            assert all(answered)
            for client, body in zip(clients, bodies, strict=True):
                assert client.body == b"".join(event(f"{body} {number}") for number in range(20))
        assert front.connections == 100

    with_front(answering, told)


def test_burst_of_connections() -> None:
    async def told(front: Front, relay: Relay) -> int:
        clients = [Client() for _ in range(512)]
        assert all(await asyncio.gather(*(client.ask(relay) for client in clients)))
        return sum(client.body == EVENTS for client in clients)

    assert with_front(writing(STREAM, chunk(EVENTS), LAST), told) == 512


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
