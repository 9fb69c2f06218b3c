"""The way of one answer to its connection, for what goes round vLLM's middleware once the answer has begun."""

import asyncio
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from scoring.asgi import Message, Scope, Send, is_event_stream
from scoring.source_hash import is_known

CONNECTION = "gatelift.connection"
HEAD_WAITS = 0.1  # seconds, at most, for the first piece of a stream: to wake a client costs as much as ten pieces
# uvicorn's RequestResponseCycle.send, by a hash of its source: 0.54.
KNOWN_CYCLES = frozenset({"abdd8601b326a8da"})


class Outlet:
    """The `send` that vLLM's app is given; `direct` is the shorter way for pieces in the middle of a body.

    `line` is uvicorn's own `send`: its object tells when the client does not keep up.
    """

    def __init__(self, send: Send, direct: Send, line: Send | None, head_waits: float) -> None:
        self._send = send
        self._direct = direct
        self._cycle: Any = getattr(line, "__self__", None)
        self._flow = getattr(self._cycle, "flow", None)
        self._is_bare = direct is line and _is_known(getattr(line, "__func__", None))
        self._head_waits = head_waits
        self._head: Message | None = None
        self._late: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self.begun = False
        self.collectors: list[Any] = []  # vLLM's, of what this request asked the engine for

    async def __call__(self, message: Message) -> None:
        """Pass on a message that comes through vLLM's app: the head of a stream with the first piece of its body."""
        if message["type"] == "http.response.start" and is_event_stream(message):
            self._head = message
            self._late = asyncio.get_running_loop().call_later(self._head_waits, self._wait_no_longer)
            return
        await self._begin()
        await self._send(message)

    async def _begin(self) -> None:
        head, self._head = self._head, None
        self.begun = True
        if head is not None:
            self.close()
            await self._send(head)

    def _wait_no_longer(self) -> None:
        self._sending = asyncio.ensure_future(self._begin())

    def close(self) -> None:
        """Forget a head that has not been sent: whoever tells why the answer failed begins another one."""
        self._head = None
        if self._late is not None:
            self._late.cancel()

    async def write(self, text: str) -> None:
        """Send a piece of the body, past the app and what watches it."""
        await self._direct({"type": "http.response.body", "body": text.encode(), "more_body": True})

    @property
    def free(self) -> bool:
        """Whether the connection takes a piece without making its sender wait."""
        return self._flow is not None and not self._flow.write_paused

    def write_now(self, text: str) -> None:
        """Send a piece of the body to a connection that is free, without waiting; with the others that are gathered."""
        pieces = gathered.get()
        if pieces is None:
            self._write_now(text)
        else:
            pieces.append((self, text))

    def _write_now(self, text: str) -> None:
        body = text.encode()
        if self._is_bare and self._cycle.chunked_encoding and not self._cycle.disconnected:
            self._cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
            return
        writing = self._direct({"type": "http.response.body", "body": body, "more_body": True})
        try:
            writing.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return
        raise RuntimeError("a connection that was free made its sender wait")


current: ContextVar[Outlet | None] = ContextVar("outlet", default=None)
gathered: ContextVar[list[tuple[Outlet, str]] | None] = ContextVar("gathered", default=None)


@contextmanager
def in_one_go() -> Iterator[None]:
    """Write what is sent meanwhile at the end, one piece right after the other.

    A write that wakes its reader costs twice as much as one to a reader that is at work already.
    """
    token = gathered.set([])
    try:
        yield
    finally:
        pieces = gathered.get() or []
        gathered.reset(token)
        for way, text in pieces:
            try:
                way._write_now(text)
            except Exception as failure:  # the stream's, not the engine's
                for collector in way.collectors:
                    collector.put(failure)


def outlet(
    send: Send, direct: Send | None = None, line: Send | None = None, *, head_waits: float = HEAD_WAITS
) -> Outlet:
    """Return `send` for vLLM's app, and remember it for the request that runs now."""
    way = Outlet(send, direct or send, line, head_waits)
    current.set(way)
    return way


def with_connection(scope: Scope, send: Send) -> Scope:
    """Return the scope with the connection's own `send`, for what need not be seen on its way."""
    return {**scope, "extensions": {**(scope.get("extensions") or {}), CONNECTION: send}}


def connection(scope: Scope) -> Send | None:
    """Return the connection's own `send`."""
    send: Send | None = (scope.get("extensions") or {}).get(CONNECTION)
    return send


@functools.cache
def _is_known(send: Any) -> bool:
    """Whether uvicorn frames a piece of a body as it is framed here, and nobody stands in between."""
    return not hasattr(send, "__wrapped__") and is_known("bare writes", lambda: (send,), KNOWN_CYCLES, of="uvicorn")
