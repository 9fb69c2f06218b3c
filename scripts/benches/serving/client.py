"""A load generator that uses little CPU: raw sockets on asyncio, run as a process of its own.

`python -m serving.client < plan.json` prints one JSON document: what was measured, and the CPU it cost the client.
"""

import asyncio
import json
import random
import re
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from infra.operations.answers import HIDDEN, outcome

CONTENT = re.compile(rb'"(?:content|reasoning|reasoning_content|arguments|text)":"[^"]')
EVENT = b"data: {"
LAST = b"0\r\n\r\n"


@dataclass
class Plan:
    """What to send: `concurrency` at a time (closed loop) or `rate` a second (open loop), `requests` in all."""

    host: str
    port: int
    path: str
    bodies: list[str]
    requests: int
    concurrency: int = 1
    rate: float | None = None
    tls: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 300.0


@dataclass
class Measured:
    """Times in milliseconds: to the first token, between reads with tokens, to the end; and how the request ended."""

    ttft: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    events: int = 0
    tokens: int = 0
    errors: int = 0
    first_error: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection, for one request at a time."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] | None = None
        self.alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.alive = True

    def connection_lost(self, error: Exception | None) -> None:
        self.alive = False
        self._finish(f"connection lost: {error}" if error else "connection closed")

    def send(self, request: bytes) -> "asyncio.Future[None]":
        """Send a request; the future is done when the answer is complete."""
        assert self.transport is not None  # noqa: S101
        self.done = asyncio.get_running_loop().create_future()
        self.head = b""
        self.status, self.left, self.chunked, self.first, self.last, self.tail = 0, -1, False, 0.0, 0.0, b""
        self.sent = time.perf_counter()
        self.transport.write(request)
        return self.done

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.status:
            self.head += data
            head, gap, data = self.head.partition(b"\r\n\r\n")
            if not gap:
                return
            self._begin(head)
            self.head = b""
        if self.chunked:
            self._stream(data, now)
        else:
            self.left -= len(data)
            self.tail += data
            if self.left <= 0:
                self._whole(now)

    def _begin(self, head: bytes) -> None:
        self.status = int(head[9:12])
        lower = head.lower()
        if self.status == HIDDEN:
            lines = (line.partition(":") for line in lower.decode("latin-1").split("\r\n"))
            self.status = outcome(HIDDEN, {name: value.strip() for name, _, value in lines}).status
        self.chunked = b"transfer-encoding: chunked" in lower
        found = re.search(rb"content-length: (\d+)", lower)
        self.left = int(found[1]) if found else 0

    def _stream(self, data: bytes, now: float) -> None:
        if not self.first:
            self.head += data
            if CONTENT.search(self.head):
                self.first = self.last = now
                self.measured.ttft.append((now - self.sent) * 1000)
                self.measured.events += self.head.count(EVENT)
        else:
            events = data.count(EVENT)
            if events:
                self.measured.events += events
                self.measured.gaps.append((now - self.last) * 1000)
                self.last = now
        self.tail = (self.tail + data)[-400:]
        if self.tail.endswith(LAST):
            self._count_usage(self.tail)
            self.measured.latency.append((now - self.sent) * 1000)
            broken = b"[DONE]" not in self.tail or self.status != 200 or not self.first or b'{"error":' in self.tail
            self._finish(f"status {self.status}: {self.tail[-200:]!r}" if broken else "")

    def _whole(self, now: float) -> None:
        self.measured.latency.append((now - self.sent) * 1000)
        self._count_usage(self.tail)
        self._finish("" if self.status == 200 else f"status {self.status}: {self.tail[:200]!r}")

    def _count_usage(self, data: bytes) -> None:
        found = re.search(rb'"completion_tokens":\s*(\d+)', data)
        self.measured.tokens += int(found[1]) if found else 0

    def _finish(self, error: str) -> None:
        if self.done is None or self.done.done():
            return
        if error:
            self.measured.errors += 1
            self.measured.first_error = self.measured.first_error or error
        self.done.set_result(None)


class Load:
    """Sends a plan's requests over as many connections as it needs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.measured = Measured()
        self.requests = [_request(plan, body) for body in plan.bodies]
        self.sent = 0
        self.idle: list[Connection] = []

    async def run(self) -> Measured:
        """Run the plan and return what was measured."""
        cpu, began = time.process_time(), time.perf_counter()
        await (self._open_loop(self.plan.rate) if self.plan.rate else self._closed_loop())
        self.measured.wall_seconds = time.perf_counter() - began
        self.measured.cpu_seconds = time.process_time() - cpu
        return self.measured

    async def _closed_loop(self) -> None:
        async def worker() -> None:
            while self.sent < self.plan.requests:
                await self._one()

        await asyncio.gather(*(worker() for _ in range(self.plan.concurrency)))

    async def _open_loop(self, rate: float) -> None:
        chance = random.Random(1)  # noqa: S311
        due, tasks = time.perf_counter(), []
        for _ in range(self.plan.requests):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(self._one()))
            due += chance.expovariate(rate)
        await asyncio.gather(*tasks)

    async def _one(self) -> None:
        request = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        connection = await self._connection()
        try:
            await asyncio.wait_for(connection.send(request), self.plan.timeout)
        except TimeoutError:
            self.measured.errors += 1
            self.measured.first_error = self.measured.first_error or f"no end after {self.plan.timeout} s"
            connection.alive = False
        if connection.alive:
            self.idle.append(connection)

    async def _connection(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()
            if connection.alive:
                return connection
        context = ssl.create_default_context() if self.plan.tls else None
        _, protocol = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self.measured), self.plan.host, self.plan.port, ssl=context
        )
        return protocol


def _request(plan: Plan, body: str) -> bytes:
    data = body.encode()
    headers = {"host": f"{plan.host}:{plan.port}", "content-type": "application/json", **plan.headers}
    lines = [f"POST {plan.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(data)}", "", ""]).encode() + data


def measure(plan: Plan) -> dict[str, Any]:
    """Run a plan in this process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return asdict(runner.run(Load(plan).run()))


if __name__ == "__main__":
    json.dump(measure(Plan(**json.load(sys.stdin))), sys.stdout)
