"""The whole HTTP surface over real sockets, with an engine that does as the test says: floods, readers that stall."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn

from scoring.asgi import Message, Receive, Scope, Send, send_json
from scoring.engine.client import GENERATE
from scoring.process.server import http_server, open_listener
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.api.app import build_api
from scoring.web.service import Service, State
from tests.scoring.resting import RestingEngine

CHAT = "/v1/chat/completions"
AZURE = "/chat/completions?api-version=2025-04-01"
BODY = {"messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
COMPLETION = {"id": "a", "object": "chat.completion", "created": 1, "model": "stand-in", "choices": [], "usage": USAGE}
JSON = "content-type: application/json\r\n"
PIECE = b"data: " + b"x" * 65_000 + b"\n\n"
MOST_PIECES = 160  # what sockets may hold for a reader that stalls: some megabytes


class Engine(RestingEngine):
    """Stands where vLLM's engine does; `app` is what it answers with."""

    max_num_seqs = 2
    max_num_queued = 2

    def __init__(self) -> None:
        super().__init__(GENERATE)
        self.release = asyncio.Event()
        self.taken = 0
        self.lingers = False  # whether it has something to do when its answer has ended
        self.pieces = 0
        self.left = asyncio.Event()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a stream without end to those who ask for one, the others once they are released."""
        self.taken += 1
        if not json.loads((await receive())["body"]).get("stream"):
            await self.release.wait()
            await send_json(send, 200, COMPLETION)
            await until(lambda: not self.lingers)
            return
        streaming = asyncio.ensure_future(self._stream(send))
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            await asyncio.wait({streaming, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            streaming.cancel()
            gone.cancel()
            self.left.set()

    async def _stream(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.pieces += 1
            await asyncio.sleep(0)  # as vLLM's generators do; without a client `send` returns at once


async def _disconnect(receive: Receive) -> Message:
    while (message := await receive())["type"] != "http.disconnect":
        continue
    return message


class Served:
    """A service under test: its engine, its URL, and what ends it."""

    def __init__(self, **environ: str) -> None:
        self.settings = read_settings([], {"SCORING_MODEL": "a/b", "PORT": "0", **environ})
        self.service = Service(self.settings, Timeline())
        self.engine = Engine()
        self.service.add(self.engine)  # type: ignore[arg-type]
        self.service.api = build_api(self.service)
        self.service.state = State.READY
        self.http = http_server(self.service)
        listener = open_listener(self.settings)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.serving = asyncio.ensure_future(self.http.serve(sockets=[listener]))

    async def end(self, grace: float) -> None:
        """End as SIGTERM makes it end."""
        await self.service.drain(grace)
        self.http.should_exit = True
        await asyncio.wait_for(self.serving, 30)

    async def stalled_reader(self) -> socket.socket:
        """Ask for a stream and read nothing of it."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        body = json.dumps({**BODY, "stream": True}).encode()
        head = (
            f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        await asyncio.get_running_loop().sock_sendall(client, head.encode() + body)
        return client


def run(test: Callable[[Served], Awaitable[None]], **environ: str) -> None:
    async def live() -> None:
        served = Served(**environ)
        try:
            await asyncio.wait_for(test(served), 60)
        finally:
            served.engine.release.set()
            await served.end(0)

    with asyncio.Runner(loop_factory=uvicorn.Config(app=_disconnect).get_loop_factory()) as runner:
        runner.run(live())


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  (what is waited for is a plain value)
        await asyncio.sleep(0.02)


async def stands_still(engine: Engine) -> None:
    """Wait until no more pieces are made."""
    before = -1
    while engine.pieces != before:
        before = engine.pieces
        await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    ("path", "code"), [pytest.param(CHAT, 429, id="openai"), pytest.param(AZURE, "TooManyRequests", id="azure")]
)
def test_flood_leaves_exactly_what_is_admitted(path: str, code: Any) -> None:
    async def flood(served: Served) -> None:
        async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
            inside = [asyncio.ensure_future(client.post(path, json=BODY)) for _ in range(4)]
            await until(lambda: served.engine.taken == 4)
            refused = await asyncio.gather(*(client.post(path, json=BODY) for _ in range(36)))
            assert {answer.status_code for answer in refused} == {429}
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
            assert all(answer.headers["x-should-retry"] == "true" for answer in refused)  # behind Azure's 424, too
            assert all(answer.json()["error"]["code"] == code for answer in refused)
            assert served.engine.taken == 4
            assert (await client.get("/health/ready")).status_code == 200
            served.engine.release.set()
            assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
            assert (await client.post(path, json=BODY)).status_code == 200

    run(flood)


def test_place_is_free_as_soon_as_the_answer_has_ended() -> None:
    async def ask_again(served: Served) -> None:
        served.engine.release.set()
        served.engine.lingers = True
        async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
            for _ in range(10):
                assert (await client.post(CHAT, json=BODY, headers={"connection": "close"})).status_code == 200
        assert len(served.service.in_flight) == 10
        served.engine.lingers = False

    run(ask_again)


def test_reader_that_stalls_holds_up_its_own_stream_alone() -> None:
    async def stall(served: Served) -> None:
        readers = [await served.stalled_reader() for _ in range(3)]
        await until(lambda: served.engine.taken == 3)
        await stands_still(served.engine)
        assert served.engine.pieces < MOST_PIECES * len(readers)
        served.engine.release.set()
        async with httpx.AsyncClient(base_url=served.url) as client:
            assert (await client.post(CHAT, json=BODY)).status_code == 200
        for reader in readers:
            reader.close()

    run(stall)


def test_reader_that_goes_on_gets_what_was_held_back() -> None:
    async def go_on(served: Served) -> None:
        reader = await served.stalled_reader()
        await until(lambda: served.engine.taken == 1)
        await stands_still(served.engine)
        held = served.engine.pieces
        loop = asyncio.get_running_loop()
        while served.engine.pieces < held + 50:
            assert await loop.sock_recv(reader, 2**20)
        reader.close()

    run(go_on)


def test_reader_that_stalls_for_too_long_is_given_up() -> None:
    async def give_up(served: Served) -> None:
        reader = await served.stalled_reader()
        await served.engine.left.wait()
        await until(lambda: not served.service.in_flight)
        reader.close()

    run(give_up, SCORING_STALL_SECONDS="1")


def test_reader_that_stalls_does_not_hold_up_the_end() -> None:
    async def end(served: Served) -> None:
        reader = await served.stalled_reader()
        await until(lambda: served.engine.taken == 1)
        await stands_still(served.engine)
        await served.end(0.1)
        reader.close()

    run(end)


def test_half_a_request_does_not_hold_up_the_end() -> None:
    async def end(served: Served) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 100\r\n\r\n{{".encode())
        async with httpx.AsyncClient(base_url=served.url) as client:
            assert (await client.get("/health/live")).status_code == 200
        await served.end(0.1)
        writer.close()

    run(end)


def test_half_a_body_is_given_up_and_its_connection_closed() -> None:
    async def wait(served: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 100\r\n\r\n{{".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")  # read to its end: the connection is closed
        writer.close()

    run(wait, SCORING_BODY_SECONDS="1")


def test_http_1_0_gets_a_stream_without_chunks() -> None:
    async def old_client(served: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        body = json.dumps({**BODY, "stream": True}).encode()
        head = f"POST {CHAT} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in answer.lower()
        assert await reader.readexactly(2 * len(PIECE)) == 2 * PIECE
        writer.close()
        await served.engine.left.wait()

    run(old_client)
