"""The whole HTTP surface over real sockets, with an engine that does as a test says."""

import asyncio
import inspect
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from scoring.asgi import Message, Receive, Scope, Send, send_json
from scoring.engine.client import GENERATE
from scoring.process.server import http_server, open_listener
from scoring.responses.store.memory import MemoryStore
from scoring.responses.surface import Responses
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.api.app import build_api
from scoring.web.service import Service, State
from tests.scoring.resting import RestingEngine

CHAT = "/v1/chat/completions"
BODY = {"model": "", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
COMPLETION = {"id": "a", "object": "chat.completion", "created": 1, "model": "stand-in", "choices": [], "usage": USAGE}
JSON = "content-type: application/json\r\n"
PIECE = b"data: " + b"x" * 65_000 + b"\n\n"


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
        self.service.api = build_api(self.service, Responses(MemoryStore(self.settings.responses), self.service))
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


def over_sockets(**environ: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run a test with a service of its own, under these settings, on the loop that the server has; within a minute."""

    def decorated(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        async def live(**named: Any) -> None:
            served = Served(**environ)
            try:
                await asyncio.wait_for(test(served, **named), 60)
            finally:
                served.engine.release.set()
                await served.end(0)

        def run(**named: Any) -> None:
            with asyncio.Runner(loop_factory=uvicorn.Config(app=_disconnect).get_loop_factory()) as runner:
                runner.run(live(**named))

        signature = inspect.signature(test)
        run.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
        return run

    return decorated


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  (what is waited for is a plain value)
        await asyncio.sleep(0.02)
