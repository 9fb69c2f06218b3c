"""Which connections to a front are kept, and many of them at once."""

import asyncio
import os

import pytest

from scoring.web.relay.relay import Relay
from tests.scoring.web.relay.front import (
    EVENTS,
    LAST,
    ONE,
    STREAM,
    Answering,
    Asked,
    Client,
    Exchange,
    Front,
    chunk,
    event,
    whole,
    with_front,
    writing,
)


def test_no_front_at_all() -> None:
    async def told(front: Front, relay: Relay) -> bool:
        os.unlink(front.path)
        return await Client().ask(relay)

    assert with_front(writing(), told) is False


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
