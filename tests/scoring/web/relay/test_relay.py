"""What a client gets of a front behind a Unix socket that answers, refuses or dies."""

import asyncio
import re

import pytest

from scoring.asgi import local_scope
from scoring.web.relay.relay import Relay, Rewriting
from scoring.web.relay.upstream import FrontDied
from tests.scoring.web.relay.front import (
    BODY,
    DONE,
    EVENTS,
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
    until,
    whole,
    with_front,
    writing,
)

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


def test_long_refusal_leaves_a_connection_that_is_read_from() -> None:
    async def told(front: Front, relay: Relay) -> None:
        for _ in range(20):  # each is read at once or in pieces, as it comes
            assert not await Client().ask(relay)

    with_front(writing(whole(b"x" * 100_000, b"404 Not Found")), told)


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
