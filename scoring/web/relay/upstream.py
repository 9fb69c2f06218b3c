"""One kept connection to a front end, and the one answer at a time that comes over it."""

import asyncio
from typing import Protocol, cast

from scoring.asgi import ClientGone
from scoring.web.relay.answer import Answer, BadAnswer
from scoring.web.relay.event_stream import EventStream

MOST_WAITING = 64 * 1024  # bytes of an answer that lie here while its client does not take them
PIECE = 64 * 1024  # of a request's body, written at a time


class FrontDied(Exception):
    """The connection to the front end has ended before its answer had."""


class Waits(Protocol):
    """Who counts what the front end is waited for."""

    waiting: int  # requests that wait for the front end now, not for their clients
    pieces: int  # how often it has sent something


class Upstream(asyncio.Protocol):
    """A connection that is used by one request after the other."""

    def __init__(self, waits: Waits) -> None:
        self.answer = Answer()
        self._waits = waits
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._reading = True
        self._stream: EventStream | None = None
        self._busy = False
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def open(self) -> bool:
        """Whether another request can be sent over it."""
        return self._failure is None

    async def ask(self, head: bytes, body: bytes) -> None:
        """Send a request, a long body as fast as it is taken; stop when the answer is there before."""
        self.answer = Answer()
        self._busy = True
        if len(body) <= PIECE:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        left = memoryview(body)
        while left and not self.answer.status and self._failure is None:
            self._transport.write(left[:PIECE])
            left = left[PIECE:]
            await self._writable.wait()

    async def head(self) -> Answer:
        """Return the answer once its head is here. Raises FrontDied or ClientGone."""
        while not self.answer.status:
            await self._news()
        return self.answer

    async def whole(self) -> bytes:
        """Return the whole body. Raises FrontDied or ClientGone."""
        parts: list[bytes] = []
        more = True
        while more:
            while not self._parts and not self.answer.ended:
                await self._news()
            part, more = self._taken()
            parts.append(part)
        return b"".join(parts)

    async def hand_on(self, stream: EventStream) -> None:
        """Give the body to a stream as it comes, to its end. Raises FrontDied or ClientGone."""
        while not stream.ended:
            if self._parts or self.answer.ended:
                part, more = self._taken()
                stream.give(part, more=more)
            else:
                self._stream = stream  # from now on it is given what comes at once, until it has to wait
                try:
                    await self._news()
                finally:
                    self._stream = None
            await stream.wait()

    def _taken(self) -> tuple[bytes, bool]:
        """Take what has come of the body; tell whether more will."""
        parts, self._parts, self._size = self._parts, [], 0
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        return b"".join(parts), not self.answer.ended

    def rest(self) -> bool:
        """Make it ready for another request; False if it cannot be."""
        if self._failure is not None or not self.answer.ended or not self.answer.keep_alive:
            return False
        self._busy = False
        self._taken()  # of a long refusal nobody wants: reading has stopped there
        return True

    def abandon(self) -> None:
        """Close the connection since nobody waits for the answer: the front end gives the request up.

        An answer that has ended needs none of that, and its end looks like the client's leaving.
        """
        if self.answer.ended:
            return
        self._fail(ClientGone())
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        self._fail(FrontDied("the connection was closed"))
        self._transport.abort()

    async def _news(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        self._waits.waiting += 1
        try:
            await self._waiter
        finally:
            self._waits.waiting -= 1
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._writable.set()
        self._wake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take in bytes of the answer; read no more while too many wait for the client."""
        if not self._busy:  # nobody has asked
            self.close()
            return
        self._waits.pieces += 1
        try:
            body = self.answer.feed(data)
        except BadAnswer as error:
            self._fail(FrontDied(str(error)))
            self._transport.abort()
            return
        if self._stream is not None:
            self._give(self._stream, body)
            return
        if body:
            self._parts.append(body)
            self._size += len(body)
            if self._size > MOST_WAITING and self._reading:
                self._reading = False
                self._transport.pause_reading()
        self._wake()

    def _give(self, stream: EventStream, body: bytes) -> None:
        """Send what has come; wake the request's task where it has ended or its client is slow."""
        more = not self.answer.ended
        try:
            if stream.give(body, more=more) and more:
                return
        except Exception as error:  # of the client's side, for the request's task
            self._fail(error)
        self._stream = None
        self._wake()

    def pause_writing(self) -> None:
        """Wait with the rest of a body."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on with it."""
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self._fail(FrontDied(f"the connection ended: {error}" if error else "the connection ended"))
