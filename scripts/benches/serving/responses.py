"""What a stream of the Responses API costs beside the same chat stream, and beside bare vLLM's Responses.

The load client knows no Responses, so both are asked by a small one of ours; a stream's first token is its first delta
with a text.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from serving.processes import Server
from serving.runs import Bench, Row, running

CONCURRENCY, TOKENS = 16, 64
WORDS = "river stone lamp seven green under window paper cold singing table north apple wheel quiet"
HEAD = "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
PLAIN = {"model": "bench", "stream": True, "ignore_eos": True, "temperature": 1}


@dataclass(frozen=True)
class Surface:
    """A route, what it is asked, and what the first token of its stream begins with."""

    name: str
    path: str
    first: bytes
    body: dict[str, Any] = field(default_factory=dict)

    def request(self, number: int) -> bytes:
        """Return a request whose prompt is its own."""
        words = f"{number} {WORDS}"
        asked = {"input": words} if self.name == "responses" else {"messages": [{"role": "user", "content": words}]}
        body = json.dumps({**PLAIN, **self.body, **asked}).encode()
        return HEAD.format(path=self.path, length=len(body)).encode() + body


SURFACES = (
    Surface(
        "chat",
        "/v1/chat/completions",
        b'"content":"',
        {"max_completion_tokens": TOKENS, "stream_options": {"include_usage": True}},
    ),
    Surface("responses", "/v1/responses", b"event: response.output_text.delta", {"max_output_tokens": TOKENS}),
)


class Connection(asyncio.Protocol):
    """A kept connection, over which one stream follows the other."""

    def __init__(self) -> None:
        self._end: asyncio.Future[None] | None = None
        self._read = b""
        self._token = b""
        self._first = 0.0

    async def ask(self, surface: Surface, number: int) -> float:
        """Read a stream to its end; return the milliseconds to its first token."""
        self._read, self._token, self._first = b"", surface.first, 0.0
        self._end = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        self._transport.write(surface.request(number))
        await self._end
        if not self._first:
            raise SystemExit(f"{surface.path} has streamed no token: {self._read[:500]!r}")
        return (self._first - began) * 1000

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Look for the first token, and for the last chunk."""
        if not self._first:
            self._read += data
            # The first content of a chat is empty: it comes with the role.
            if self._token in self._read.replace(b'"content":""', b""):
                self._first = time.monotonic()
        if data.endswith(LAST_CHUNK):
            self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self._tell()

    def _tell(self) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(None)


async def _load(server: Server, surface: Surface, numbers: Iterator[int]) -> list[float]:
    """Send requests with these numbers, so many at a time; return their milliseconds to the first token."""
    waits: list[float] = []

    async def one_after_the_other() -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", server.port)
        for number in numbers:
            waits.append(await connection.ask(surface, number))

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(one_after_the_other())
    return waits


def run_surfaces(bench: Bench, each: int) -> dict[str, dict[str, list[Row]]]:
    """Measure both surfaces of every arm, in turn, with so many requests of each client; return the rounds of each."""
    with running(bench, ("null", False), {}) as servers:
        return _rounds(bench, servers, each * CONCURRENCY)


def _rounds(bench: Bench, servers: dict[str, Server], requests: int) -> dict[str, dict[str, list[Row]]]:
    found: dict[str, dict[str, list[Row]]] = {arm: {one.name: [] for one in SURFACES} for arm in servers}
    for number in range(-1, bench.rounds):  # the first one is to warm up
        turn = [(arm, surface) for arm in servers for surface in SURFACES]
        for arm, surface in turn if number % 2 == 0 else turn[::-1]:
            row = _measure(servers[arm], surface, range((number + 1) * requests, (number + 2) * requests))
            if number >= 0:
                found[arm][surface.name].append(row)
    for arm, surfaces in found.items():
        for name, rows in surfaces.items():
            middle = {measure: statistics.median(row[measure] for row in rows) for measure in rows[0]}
            bench.say(f"{arm:28} {name:10} " + "  ".join(f"{key} {value:.2f}" for key, value in middle.items()))
    return found


def _measure(server: Server, surface: Surface, numbers: range) -> Row:
    before = server.cpu_seconds()
    waits = asyncio.run(_load(server, surface, iter(numbers)))
    after = server.cpu_seconds()
    cpu = {f"{name}_cpu_ms": (after[name] - before[name]) * 1000 / len(numbers) for name in after}
    return {**cpu, "front_cpu_ms": cpu["own_cpu_ms"] + cpu["rust_cpu_ms"], "ttft_p50": statistics.median(waits)}
