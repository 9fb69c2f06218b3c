"""What the server's socket takes of a client before a request is one, and what it says to clients of HTTP/1.0."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest
import uvicorn

from scoring.asgi import Message, Receive, Scope, Send, read_body, send_json
from scoring.settings.limits import Limits
from scoring.web.http_protocol import MOST_FIELDS, MOST_WAITING, Protocol

PIECES = [b"data: one\n\n", b"data: two\n\n"]
LIMITS = Limits(max_head_bytes=8192)
IMPATIENT = Limits(max_head_bytes=8192, head_seconds=1)
who: ContextVar[str] = ContextVar("who", default="nobody")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with or without a length."""
    if scope["path"] == "/whole":
        before = who.get()
        who.set("somebody")
        body = await read_body(scope, receive, 2**20)
        await send_json(send, 200, {"body": len(body), "headers": len(scope["headers"]), "before": before})
        return
    start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    for piece in PIECES:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


def talk(what: Talk, limits: Limits = LIMITS) -> bytes:
    """What a client says and hears on one connection."""

    async def live() -> bytes:
        protocol = functools.partial(Protocol, limits=limits)
        config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None, port=0)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = await asyncio.wait_for(what(reader, writer), 30)
        writer.close()
        server.should_exit = True
        await serving
        return found

    return asyncio.run(live())


def answer_to(*pieces: bytes, limits: Limits = LIMITS) -> bytes:
    """All that the server sends on one connection, to its end, for bytes that come piece by piece."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        answered = asyncio.ensure_future(reader.read(1))
        for piece in pieces:
            if not answered.done():  # what is written to a closed connection takes its answer away
                writer.write(piece)
                await asyncio.wait({answered}, timeout=0.01)
        try:
            return await answered + await reader.read()
        except ConnectionResetError:
            return b""

    return talk(say, limits)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: a", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        pytest.param("GET /stream HTTP/1.0", b"".join(PIECES), id="stream"),
        pytest.param("GET /whole HTTP/1.0", b'{"body": 0, "headers": 1, "before": "nobody"}', id="length"),
        pytest.param("HEAD /stream HTTP/1.0", b"", id="head"),
    ],
)
def test_http_1_0_gets_no_chunks(request_line: str, body: bytes) -> None:
    head, _, found = answer_to(request(request_line)).partition(b"\r\n\r\n")
    assert found == body
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()


def test_http_1_1_gets_chunks_and_keeps_its_connection() -> None:
    found = answer_to(request("GET /stream HTTP/1.1") + request("GET /stream HTTP/1.0"))
    first, second = found.split(b"0\r\n\r\n")
    assert b"transfer-encoding: chunked" in first.lower()
    assert second.endswith(b"\r\n\r\n" + b"".join(PIECES))


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([request("GET /whole HTTP/1.1", "X: " + "x" * 9000)], id="at-once"),
        pytest.param([b"GET /whole HTTP/1.1\r\n", *([b"x" * 1000] * 9)], id="name-without-end"),
        pytest.param([b"GET /whole HTTP/1.1\r\nX: ", *([b"x" * 1000] * 9)], id="value-without-end"),
        pytest.param([b"GET /", *([b"x" * 1000] * 9)], id="url-without-end"),
        pytest.param([request(f"GET /{'x' * 9000} HTTP/1.1")], id="url"),
        pytest.param([request("GET /whole HTTP/1.1", *["a: b"] * MOST_FIELDS)], id="headers"),
        pytest.param([b"GET /whole HTTP/1.1\r\n", *([b"a: b\r\n" * 200] * 9)], id="headers-without-end"),
    ],
)
def test_head_that_is_too_large_is_refused(pieces: list[bytes]) -> None:
    head, _, body = answer_to(*pieces).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == 431


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"GET /whole HTTP/1.1\r\nho"], id="half-a-head"),
        pytest.param([b"GET /whole HTTP/1.1\r\n", *([b"a: b\r\n"] * 300)], id="line-by-line"),
    ],
)
def test_head_that_comes_too_slowly_is_given_up(pieces: list[bytes]) -> None:
    assert answer_to(*pieces, limits=IMPATIENT).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("pieces", [pytest.param([], id="nothing"), pytest.param([b"\r\n"] * 150, id="empty-lines")])
def test_connection_without_a_request_is_closed(pieces: list[bytes]) -> None:
    assert answer_to(*pieces, limits=IMPATIENT) == b""


def test_answer_that_takes_longer_than_a_head_may_is_given() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(request("POST /whole HTTP/1.1", "content-length: 4", "connection: close"))
        for _ in range(4):
            await asyncio.sleep(0.5)
            writer.write(b"x")
        return await reader.read()

    assert talk(slowly, IMPATIENT).startswith(b"HTTP/1.1 200 ")


CHUNKED = request("POST /whole HTTP/1.1", "transfer-encoding: chunked", "connection: close")


@pytest.mark.parametrize(
    ("body", "size"),
    [
        pytest.param(b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n", 5000, id="chunks-of-one-byte"),
        pytest.param(b"4e20\r\n" + b"x" * 20_000 + b"\r\n0\r\n\r\n", 20_000, id="one-chunk"),
        pytest.param(b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 500 + b"\r\n", 1, id="trailers"),
    ],
)
def test_body_in_chunks_may_be_longer_than_a_head(body: bytes, size: int) -> None:
    answer = answer_to(CHUNKED, body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"body": size, "headers": 3, "before": "nobody"}


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 3000, id="trailers"),
        pytest.param(b"1;" + b"x" * 20_000, id="extension-of-a-chunk"),
    ],
)
def test_what_surrounds_a_body_is_bounded(endless: bytes) -> None:
    assert b"200" not in answer_to(CHUNKED, endless)[:20]  # closed: the answer was under way


def test_requests_that_wait_for_their_turn_are_bounded_and_know_nothing_of_each_other() -> None:
    few = answer_to(request("GET /whole HTTP/1.1") * MOST_WAITING + request("GET /whole HTTP/1.0"))
    assert few.count(b"HTTP/1.1 200 ") == MOST_WAITING + 1
    assert few.count(b'"before": "nobody"') == MOST_WAITING + 1
    assert answer_to(request("GET /whole HTTP/1.1") * (MOST_WAITING + 2)) == b""
