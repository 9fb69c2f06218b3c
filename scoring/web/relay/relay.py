"""The way of one request to a front end behind a Unix socket, and of its answer back."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from scoring.asgi import Message, Receive, Scope, Send, header
from scoring.web.relay.answer import Answer
from scoring.web.relay.event_stream import EventStream
from scoring.web.relay.pool import Pool
from scoring.web.relay.upstream import FrontDied, Upstream, Waits

KEPT_HEADERS = (b"content-type", b"cache-control")
EVENT_STREAM = b"text/event-stream"


class Outgoing(Protocol):
    """A request's path and body."""

    path: str
    body: bytes

    def drop(self) -> None:
        """Let go of the body: nobody will ask for it again."""


@dataclass(frozen=True)
class Rewriting:
    """What is done to an answer on its way: to some whole events of a stream, to the whole of any other."""

    events: Callable[[bytes], bytes]
    whole: Callable[[bytes], bytes]


class Relay:
    """Has requests answered by the front end that listens on a socket."""

    def __init__(self, path: str, waits: Waits, rewriting: Rewriting) -> None:
        self._pool = Pool(path, waits)
        self._rewriting = rewriting

    async def answer(self, asked: Outgoing, scope: Scope, receive: Receive, send: Send) -> bool:
        """Relay the answer; False if the front end refused or died before the first byte, and nothing has been sent.

        `receive` has given the body already. Raises FrontDied in the midst of an answer, ClientGone.
        """
        kept = self._pool.take()
        if kept is not None:
            answered = await self._over(kept, asked, scope, receive, send)
            if answered is not None:
                return answered
        try:
            new = await self._pool.connect()
        except OSError:
            return False
        return bool(await self._over(new, asked, scope, receive, send))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    async def _over(
        self, upstream: Upstream, asked: Outgoing, scope: Scope, receive: Receive, send: Send
    ) -> bool | None:
        """Ask over this connection; None if it ended before there was an answer."""
        watch = asyncio.create_task(_leave_with_client(receive, upstream))
        try:
            await upstream.ask(_head(asked, scope), asked.body)
            answer = await upstream.head()
            if answer.status != 200:
                return False
            asked.drop()
            await self._hand_on(upstream, answer, send)
            return True
        except FrontDied:
            if upstream.answer.status:
                raise
            return None
        finally:
            watch.cancel()
            self._pool.give_back(upstream)

    async def _hand_on(self, upstream: Upstream, answer: Answer, send: Send) -> None:
        headers = [pair for pair in answer.headers if pair[0] in KEPT_HEADERS]
        start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
        if not dict(headers).get(b"content-type", b"").startswith(EVENT_STREAM):
            body = self._rewriting.whole(await upstream.whole())
            headers.append((b"content-length", b"%d" % len(body)))
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        await send(start)
        await upstream.hand_on(EventStream(send, self._rewriting.events))


async def _leave_with_client(receive: Receive, upstream: Upstream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    upstream.abandon()


def _head(asked: Outgoing, scope: Scope) -> bytes:
    """Return the head of the request: an id of its own, since two with one id would meet, and the trace's."""
    trace = header(scope, b"traceparent")
    more = f"traceparent: {trace}\r\n" if trace else ""
    return (
        f"POST {asked.path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"x-request-id: {os.urandom(8).hex()}\r\n{more}content-length: {len(asked.body)}\r\n\r\n"
    ).encode("latin-1")
