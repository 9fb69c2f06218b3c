"""A Hub in front of the second emulator whose large files are on another host: what both hear is remembered."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PASSED = ("authorization", "range", "accept", "via")
XET = {"x-xet-hash": "0" * 64, "link": '<https://xet.example/auth>; rel="xet-auth"'}


@dataclass
class Between:
    """What the Hub and its storage do wrong, and which requests came."""

    hub: str
    behind: str
    storage: str = ""
    cut_after: list[int] = field(default_factory=list)
    """After how many bytes the storage breaks off its next answers."""
    wrong: bool = False
    """Whether files have other content than their hash says."""
    ranges: bool = True
    """Whether the storage knows ranges; else it sends the whole file."""
    slow: float = 0.0
    """Seconds between two pieces of a file."""
    heard: list[Request] = field(default_factory=list)
    stored: list[Request] = field(default_factory=list)

    @property
    def reads(self) -> list[str]:
        """The ranges that the storage was asked for, `all` for a whole file."""
        return [request.headers.get("range", "all") for request in self.stored if request.method == "GET"]

    async def answer(self, request: Request) -> Response:
        """The Hub: as the emulator behind it, but large files are at the storage, and over xet."""
        self.heard.append(request)
        answer = await self._ask(request, await request.body())
        headers = {name: value for name, value in answer.headers.items() if name not in ("date", "server")}
        if "x-linked-etag" in headers:
            headers |= XET
        if headers.get("location", "").startswith(f"{self.behind}/cdn/"):
            headers["location"] = headers["location"].replace(self.behind, self.storage)
        wrong = self.wrong and request.method == "GET" and "/resolve/" in request.url.path
        return Response(answer.content.swapcase() if wrong else answer.content, answer.status_code, headers)

    async def store(self, request: Request) -> Response:
        """The storage of large files."""
        self.stored.append(request)
        answer = await self._ask(request, leaving=() if self.ranges else ("range",))
        content = answer.content[:-1] + b"!" if self.wrong else answer.content
        headers = {name: answer.headers[name] for name in ("content-length", "content-range") if name in answer.headers}
        return StreamingResponse(self._pieces(content), answer.status_code, headers)

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        end = self.cut_after.pop(0) if self.cut_after else len(content)
        for start in range(0, end, 256 * 1024):
            yield content[start : min(end, start + 256 * 1024)]
            await asyncio.sleep(self.slow)
        if end < len(content):
            raise ConnectionError("cut")

    async def _ask(self, request: Request, body: bytes = b"", leaving: tuple[str, ...] = ()) -> httpx.Response:
        passed = {*PASSED, "content-type"} - set(leaving)
        headers = {name: request.headers[name] for name in passed if name in request.headers}
        target = self.behind + request.scope["raw_path"].decode() + f"?{request.url.query}"
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(request.method, target.rstrip("?"), headers=headers, content=body)


@contextmanager
def between(behind: str) -> Iterator[Between]:
    """A Hub in front of the one at `behind`, with a storage on another port."""
    found = Between("", behind)

    def app(handler: object) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handler(Request(scope, receive))  # type: ignore[operator]
            await response(scope, receive, send)

        return serve

    with served(app(found.answer)) as found.hub, served(app(found.store)) as found.storage:
        yield found


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address at which a thread serves an application."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
