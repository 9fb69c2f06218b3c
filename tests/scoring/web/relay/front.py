"""A small HTTP server on a Unix socket that answers as it is told, well or badly, and what a client gets by a relay."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.asgi import Message, Scope, local_scope
from scoring.web.relay.relay import Relay, Rewriting

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nserver: x\r\n\r\n"
LAST = b"0\r\n\r\n"
KEEP = Rewriting(events=lambda events: events, whole=lambda body: body)
BODY = b'{"stream": true}'


def event(text: str) -> bytes:
    """One server-sent event."""
    return f"data: {text}\n\n".encode()


ONE, TWO, DONE = event('{"text": "one"}'), event('{"text": "two"}'), event("[DONE]")
EVENTS = ONE + TWO + DONE


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    """One answer with its length."""
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n"
    return head % (status, len(body), more) + body


@dataclass
class Exchange:
    """One request that has come, and the connection that it came over (its number)."""

    connection: int
    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, *pieces: bytes) -> None:
        """Write pieces, each in a packet of its own as far as that can be had."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def gone(self) -> bool:
        """Whether the other side has closed the connection, waited for."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


Answering = Callable[[Exchange], Awaitable[bool | None]]


@dataclass
class Front:
    """Where it listens, and what it has been asked; `answering` returns True to close the connection."""

    path: str
    answering: Answering
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0
    tasks: list["asyncio.Task[None] | None"] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.tasks.append(asyncio.current_task())
        self.connections += 1
        number = self.connections
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                exchange = Exchange(number, head, b"", reader, writer)
                self.exchanges.append(exchange)
                exchange.body = await reader.readexactly(length)
                if await self.answering(exchange):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Counts:
    """What a relay counts."""

    waiting: int = 0
    pieces: int = 0


@dataclass
class Asked:
    """A request of a client; `dropped` once its body has been let go of."""

    path: str = "/v1/chat/completions"
    body: bytes = BODY
    dropped: bool = False

    def drop(self) -> None:
        self.body, self.dropped = b"", True


class Client:
    """One client of a relay: what it gets, and its leaving; its `send` waits while it does not read."""

    def __init__(self, takes: int = 1 << 30) -> None:
        self.messages: list[Message] = []
        self._takes = takes  # messages, before it reads no more
        self.left = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.messages.append(message)
        if self.complete:
            self.left.set()  # as uvicorn tells it: the end of the answer looks like the client's leaving
        if len(self.messages) == self._takes:
            self.reads.clear()

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return len(self.messages) > 1 and not self.messages[-1].get("more_body", False)

    async def ask(self, relay: Relay, asked: Asked | None = None, scope: Scope | None = None) -> bool:
        """Ask by way of a relay, within a time that no test needs."""
        asked = asked or Asked()
        scope = scope or local_scope("POST", asked.path, asked.body)
        async with asyncio.timeout(20):
            return await relay.answer(asked, scope, self.receive, self.send)


@asynccontextmanager
async def running(answering: Answering, rewriting: Rewriting = KEEP) -> AsyncIterator[tuple[Front, Relay]]:
    """Run a front that answers so, and a relay to it."""
    with tempfile.TemporaryDirectory() as folder:
        front = Front(str(Path(folder) / "front.sock"), answering)
        async with await asyncio.start_unix_server(front.serve, front.path, limit=1 << 25):
            relay = Relay(front.path, Counts(), rewriting)
            yield front, relay
            relay.close()
            for exchange in front.exchanges:
                exchange.writer.close()
            await asyncio.gather(*(task for task in front.tasks if task is not None))


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
