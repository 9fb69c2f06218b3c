"""What a client of HTTP/1.0 gets from the server's socket: whole bodies without chunks, and then the end."""

import asyncio

import pytest
import uvicorn

from scoring.asgi import Message, Receive, Scope, Send, send_json
from scoring.web.unchunked import Protocol

PIECES = [b"data: one\n\n", b"data: two\n\n"]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with or without a length."""
    if scope["path"] == "/whole":
        await send_json(send, 200, {"whole": True})
        return
    start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    for piece in PIECES:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def answers(*requests: str) -> bytes:
    """All that the server sends on one connection before it closes it."""

    async def live() -> bytes:
        server = uvicorn.Server(uvicorn.Config(app, http=Protocol, lifespan="off", log_config=None, port=0))
        serving = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("".join(f"{line}\r\nHost: a\r\n\r\n" for line in requests).encode())
        found = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        server.should_exit = True
        await serving
        return found

    return asyncio.run(live())


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        pytest.param("GET /stream HTTP/1.0", b"".join(PIECES), id="stream"),
        pytest.param("GET /whole HTTP/1.0", b'{"whole": true}', id="length"),
        pytest.param("HEAD /stream HTTP/1.0", b"", id="head"),
    ],
)
def test_http_1_0_gets_no_chunks(request_line: str, body: bytes) -> None:
    head, _, found = answers(request_line).partition(b"\r\n\r\n")
    assert found == body
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()


def test_http_1_1_gets_chunks_and_keeps_its_connection() -> None:
    found = answers("GET /stream HTTP/1.1", "GET /stream HTTP/1.0")
    first, second = found.split(b"0\r\n\r\n")
    assert b"transfer-encoding: chunked" in first.lower()
    assert second.endswith(b"\r\n\r\n" + b"".join(PIECES))
