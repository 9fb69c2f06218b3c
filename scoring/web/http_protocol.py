"""uvicorn's HTTP protocol with limits for request heads, and with answers that clients of HTTP/1.0 understand.

uvicorn's own limit for heads (`h11_max_incomplete_event_size`) is for its other parser only; with httptools a head may
be as long and as slow as its client likes.
"""

import asyncio
import contextvars
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from scoring.asgi import ASGIApp, Message, Receive, Scope, Send
from scoring.problems import Problem, openai_error
from scoring.settings.limits import Limits

MOST_FIELDS = 256  # header lines of one request
MOST_WAITING = 64  # requests that one client may send before their turn
LINGER_SECONDS = 1  # what a client still sends is read for so long: else its answer is lost with the connection
FRAMING = 16  # bytes that a client may spend on the frame of each byte of a body: chunks of one byte take five
OLD = "scoring.cycle"  # the scope's key for what answers a request of HTTP/1.0


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.app = answering_http_1_0(self.app)
        self._limits = limits
        self._unread = 0  # bytes that have come since the last byte of a body, or since the last request
        self._in_head = False
        self._refused = False
        self._fields = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, not for ever."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and refuse it when it is too much for a head."""
        if self._refused:
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self._limits.max_head_bytes:
            self._refuse(self._too_large())
        elif self._in_head or self._idle:
            self._wait()

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        self._in_head, self._fields = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those that follow a body in chunks belong to nothing."""
        self._fields += 1
        if self._in_head and self._fields <= MOST_FIELDS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head has arrived."""
        self._in_head = False
        self._wait_no_more()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.max_head_bytes or self._fields > MOST_FIELDS or len(self.pipeline) >= MOST_WAITING:
            self._refuse(self._too_large())
        if self._refused:
            return
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.scope[OLD] = self.cycle  # type: ignore[literal-required]

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unread = max(0, self._unread - FRAMING * len(body))
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._unread = 0
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin the next request if one waits already, with none of this one's context variables."""
        contextvars.Context().run(super().on_response_complete)

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._timer is None and self._limits.head_seconds:
            self._timer = self.loop.call_later(self._limits.head_seconds, self._give_up)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self._idle:
            self._wait()  # the client still gets an answer
        elif self._in_head:
            self._refuse(Problem(408, f"The request's head was not here within {self._limits.head_seconds} seconds."))
        else:
            self.transport.close()

    def _too_large(self) -> Problem:
        return Problem(
            431,
            f"The request's line and headers have more than {self._limits.max_head_bytes} bytes "
            f"or {MOST_FIELDS} headers (SCORING_MAX_HEAD_BYTES).",
        )

    def _refuse(self, problem: Problem) -> None:
        """Close the connection, with an answer if none is under way."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._wait_no_more()
        if not self._idle:
            self.transport.close()
            return
        body = json.dumps(openai_error(problem)).encode()
        head = (
            f"HTTP/1.1 {problem.status} {problem.code}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def answering_http_1_0(app: ASGIApp) -> ASGIApp:
    """Return the app with answers of unknown length to HTTP/1.0 ending with their connection, as it knows no chunks."""

    def answer(scope: Scope, receive: Receive, send: Send) -> Any:
        cycle = scope.get(OLD)
        return app(scope, receive, Unframed(cycle, send) if cycle else send)

    return answer


class Unframed:
    """`send` to a client of HTTP/1.0."""

    def __init__(self, cycle: RequestResponseCycle, send: Send) -> None:
        self._cycle = cycle
        self._send = send
        self._open_end = False

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer; uvicorn is told of each part's length just before it."""
        if message["type"] == "http.response.start":
            self._open_end = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if self._open_end:
                self._cycle.chunked_encoding = False
        elif self._open_end:
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)
