"""The head of an answer on its way to a real connection: with the first piece, or alone where that takes its time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvicorn

from scoring import joined_head
from scoring.access_log import AccessLog
from scoring.asgi import ASGIApp, Receive, Scope, Send

STREAM = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def piece(body: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def talk(app: ASGIApp, story: Callable[[Client], Awaitable[None]], loop: str = "asyncio") -> None:
    """Serve the app with uvicorn, and let the story talk to it over a socket."""

    async def served() -> None:
        server = uvicorn.Server(uvicorn.Config(AccessLog(app), port=0, log_level="critical", lifespan="off"))
        serving = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110 uvicorn has no event for it
            await asyncio.sleep(0.01)
        client = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
        try:
            await asyncio.wait_for(story(client), 30)
        finally:
            client[1].close()
            server.should_exit = True
            await serving

    factory = uvicorn.Config(app, loop=loop).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(served())


def ask(client: Client, method: str = "GET") -> None:
    client[1].write(f"{method} / HTTP/1.1\r\nhost: here\r\n\r\n".encode())


def test_head_and_first_piece_arrive_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined_head, "LONGEST_WAIT", 30)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**STREAM})
        for _ in range(10):  # rounds of the loop, in which the client would see a head that is alone
            await asyncio.sleep(0)
        await send(piece(b"one"))
        await send(piece(b"two", more=False))

    async def story(client: Client) -> None:
        ask(client)
        first = await client[0].read(65536)
        assert first.startswith(b"HTTP/1.1 200")
        assert b"\r\n\r\n3\r\none\r\n" in first

    talk(app, story)


def test_a_head_whose_body_takes_its_time_comes_alone_and_the_body_whole() -> None:
    asked = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**STREAM})
        await asked.wait()
        await send(piece(b"one"))
        await send(piece(b"two", more=False))

    async def story(client: Client) -> None:
        ask(client)
        assert (await client[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        asked.set()
        assert await client[0].readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"

    talk(app, story)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_one_connection_takes_one_answer_after_the_other(method: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send(piece(b"all", more=False))

    async def story(client: Client) -> None:
        for _ in range(3):
            ask(client, method)
            assert b"content-length: 3" in await client[0].readuntil(b"\r\n\r\n")
            if method == "GET":
                assert await client[0].readexactly(3) == b"all"

    talk(app, story)


def test_an_answer_that_breaks_before_its_body_closes_the_connection_after_its_head() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**STREAM})
        raise RuntimeError("nothing follows")

    async def story(client: Client) -> None:
        ask(client)
        assert (await client[0].read()).startswith(b"HTTP/1.1 200")

    talk(app, story)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_client_that_leaves_between_head_and_body_is_written_nothing(
    loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(joined_head, "LONGEST_WAIT", 30)
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**STREAM})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()
        raise RuntimeError("the client has left")

    async def story(client: Client) -> None:
        ask(client)
        await asyncio.sleep(0.05)
        client[1].transport.abort()
        await ended.wait()
        await asyncio.sleep(0.05)

    talk(app, story, loop)
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
