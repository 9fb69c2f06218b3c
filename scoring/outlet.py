"""The way of one answer to its connection, for what goes round vLLM's middleware once the answer has begun."""

import functools
from contextvars import ContextVar
from typing import Any

from scoring.asgi import Message, Scope, Send
from scoring.source_hash import is_known

CONNECTION = "gatelift.connection"
# uvicorn's RequestResponseCycle.send, by a hash of its source: 0.54.
KNOWN_CYCLES = frozenset({"abdd8601b326a8da"})


class Outlet:
    """The `send` that vLLM's app is given; `direct` is the shorter way for pieces in the middle of a body.

    `line` is uvicorn's own `send`: its object tells when the client does not keep up.
    """

    def __init__(self, send: Send, direct: Send, line: Send | None) -> None:
        self._send = send
        self._direct = direct
        self._cycle: Any = getattr(line, "__self__", None)
        self._flow = getattr(self._cycle, "flow", None)
        self._is_bare = direct is line and _is_known(getattr(line, "__func__", None))
        self.begun = False
        self.failure: Exception | None = None  # of a write in a burst: vLLM wraps what it finds in a collector
        self.collectors: list[Any] = []  # vLLM's, of what this request asked the engine for

    async def __call__(self, message: Message) -> None:
        """Pass on a message that comes through vLLM's app."""
        self.begun = True
        await self._send(message)

    async def write(self, text: str) -> None:
        """Send a piece of the body, past the app and what watches it."""
        await self._direct({"type": "http.response.body", "body": text.encode(), "more_body": True})

    @property
    def free(self) -> bool:
        """Whether the connection takes a piece without making its sender wait."""
        return self._flow is not None and not self._flow.write_paused

    def write_now(self, text: str) -> None:
        """Send a piece of the body to a connection that is free, without waiting; in a burst, at the burst's end."""
        if burst.is_open:
            burst.pieces.append((self, text))
        else:
            self.write_at_once(text)

    def write_at_once(self, text: str) -> None:
        """Send it whether or not there is a burst."""
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


class Burst:
    """Pieces that are written when all of them are there, one right after the other.

    On loopback, to a client with many connections, a write that has to wake it costs more than twice as much as one
    that finds it at work on the piece before.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.pieces: list[tuple[Outlet, str]] = []

    def __enter__(self) -> None:
        self.is_open = True

    def __exit__(self, *_: object) -> None:
        self.is_open = False
        pieces, self.pieces = self.pieces, []
        for way, text in pieces:
            try:
                way.write_at_once(text)
            except Exception as failure:  # this stream's, not the engine's
                way.failure = failure
                for collector in way.collectors:
                    collector.put(failure)


# One is enough: all engines of a process share its event loop, which does nothing else until the burst ends.
burst = Burst()

current: ContextVar[Outlet | None] = ContextVar("outlet", default=None)


def outlet(send: Send, direct: Send | None = None, line: Send | None = None) -> Outlet:
    """Return `send` for vLLM's app, and remember it for the request that runs now."""
    way = Outlet(send, direct or send, line)
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
