"""One response under way: the engine is asked as for a chat, its chunks go through the machine, events go out.

A response that has begun ends with exactly one terminal event, whatever breaks: the engine's refusal of a later chat
answer, an error in the midst of one, the death of the engine or of a front, the end of this process.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol

import msgspec

from scoring.asgi import ClientGone, Message, Receive, Scope, Send
from scoring.contracts.paths import CHAT
from scoring.engine.client import VllmEngine
from scoring.engine.repairs.body_faults import late_refusal
from scoring.problems import Problem
from scoring.responses.events.chunks import Chunk, Error, decode_chunk
from scoring.responses.events.machine import Machine
from scoring.responses.events.writing import Event
from scoring.responses.prompt.chat import in_responses_words
from scoring.web.dispatch import Asked, dispatch

logger = logging.getLogger("scoring")

Sink = Callable[[list[Event]], Awaitable[None]]
FAILED = "The response could not be generated."
STOPPED = "The server is shutting down."
GIVEN_UP = (None, "abort", "error")  # finish_reason of an answer that has no end of its own
EVENTS_END = b"\n\n"


class Rounds(Protocol):
    """What a response begins with, and goes on with when a chat answer has ended: several may make one response."""

    async def first(self, chat: dict[str, Any], machine: Machine, tell: Sink) -> dict[str, Any]:
        """Return the first chat request, made from this one; events before its answer go to `tell`."""

    async def next(self, machine: Machine, tell: Sink) -> dict[str, Any] | None:
        """Return the next chat request, or None where the response has ended; events on the way go to `tell`.

        Calls of the answer that wait are open items of `machine`, which `machine.tell` and `machine.done` end.
        """


class Generation:
    """A response from the question to its terminal event; `problem` is what it has failed of.

    `on_end` is awaited when the response has ended, however that was, before its terminal event is told.
    """

    def __init__(
        self,
        engine: VllmEngine,
        machine: Machine,
        chat: dict[str, Any],
        rounds: Rounds | None = None,
        on_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.engine = engine
        self.machine = machine
        self.problem: Problem | None = None
        self._chat: dict[str, Any] | None = chat
        self._rounds = rounds
        self.on_end = on_end

    @property
    def response(self) -> dict[str, Any]:
        """The response object as it stands."""
        return self.machine.response

    async def run(self, scope: Scope, receive: Receive, sink: Sink) -> None:
        """Generate it; events go to `sink` as they come, the terminal one last.

        Raises `Problem` if the engine refuses before the first event; after it a failure is told, and kept as
        `problem`. Raises `ClientGone` once the client has left, and passes a cancellation on: the response has ended
        then, too. Who cancels for a reason of its own calls `machine.cancel` before.
        """
        machine = self.machine
        try:
            events = await self._run(scope, receive, sink)
        except ClientGone:
            machine.cancel()
            await self._end([], sink)
            raise
        except asyncio.CancelledError:
            await self._end(machine.end(STOPPED) if machine.created else [], sink)
            raise
        except Exception as error:
            self.problem = _problem_of(error)
            if not machine.created:
                raise self.problem from error
            events = machine.end(self.problem.message, _code_of(self.problem))
        await self._end(events, sink)

    async def _end(self, events: list[Event], sink: Sink) -> None:
        if self.machine.ended and self.on_end is not None:
            await self.on_end()
        if events:
            await sink(events)

    async def _run(self, scope: Scope, receive: Receive, sink: Sink) -> list[Event]:
        chat, self._chat = self._chat, None
        if self._rounds is not None and chat is not None:
            chat = await self._rounds.first(chat, self.machine, sink)
        while chat is not None:
            await self._answer(chat, scope, receive, sink)
            chat = await self._next(sink)
        return self.machine.end()

    async def _answer(self, chat: dict[str, Any], scope: Scope, receive: Receive, sink: Sink) -> None:
        """Have the engine give one chat answer."""
        asked, watched = Asked(CHAT, msgspec.json.encode(chat), chat), _Watched(receive)
        answer = _ChatAnswer(self.machine, sink)
        await dispatch(self.engine, asked)(scope, watched, answer)
        answer.check()
        if self.machine.finish in GIVEN_UP and not self.machine.ended:
            if watched.gone:
                raise ClientGone
            raise Problem(500, "The engine has given the answer up.")

    async def _next(self, sink: Sink) -> dict[str, Any] | None:
        if self._rounds is None or self.machine.cut:
            return None
        if events := self.machine.end_answer():
            await sink(events)
        return await self._rounds.next(self.machine, sink)


class Sending:
    """A sink that sends events as a stream; its head goes before the first, and leaving it as a context ends it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __aenter__(self) -> "Sending":
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def __call__(self, events: list[Event]) -> Awaitable[None]:
        """Send some events at once: no coroutine of its own, since a stream has many."""
        message = {"type": "http.response.body", "body": b"".join(events), "more_body": True}
        return self._send(message) if self.begun else self._begin(message)

    async def _begin(self, message: Message) -> None:
        self.begun = True
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send(message)


class _ChatAnswer:
    """`send` for the engine's streamed chat answer."""

    def __init__(self, machine: Machine, sink: Sink) -> None:
        self._machine = machine
        self._sink = sink
        self._status = 0
        self._begun = b""  # of an event that is not whole yet; of a refusal, what has come
        self._error: Error | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        """Take in what the engine sends: no coroutine of its own, since there is one for each token."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            events = self._machine.begin() if self._status == 200 else []
        else:
            events = self._read(message.get("body", b""))
        return self._sink(events) if events else NOTHING

    def _read(self, body: bytes) -> list[Event]:
        if self._status != 200:
            self._begun += body
            return []
        if not self._begun and 0 <= body.find(EVENTS_END) == len(body) - 2:  # by far the most frequent: one event
            return self._take(body)
        *whole, self._begun = (self._begun + body).split(EVENTS_END)
        return [event for one in whole for event in self._take(one)]

    def _take(self, event: bytes) -> list[Event]:
        if not event.startswith(b"data: {") or self._error is not None:
            return []
        try:
            chunk = decode_chunk(event[6:])
        except msgspec.DecodeError:
            logger.exception("an engine's event cannot be read")
            chunk = Chunk(error=Error(FAILED))
        self._error = chunk.error
        return self._machine.feed(chunk)

    def check(self) -> None:
        """Raise what the engine has refused with, or what it has broken off with."""
        if self._status != 200:
            raise _refusal(self._status, self._begun)
        if self._error is not None:
            status = self._error.code if isinstance(self._error.code, int) else 500
            raise Problem(status, self._error.message or FAILED, param=self._error.param)


class _Watched:
    """`receive` that notes that the client has gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.gone = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message


class _Nothing:
    """Awaitable that is done at once."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


NOTHING = _Nothing()


async def unheard(events: list[Event]) -> None:
    """Take no note of events, as a sink of what is sent whole."""


def _refusal(status: int, body: bytes) -> Problem:
    try:
        error = json.loads(body)["error"]
        return Problem(status, error["message"], param=error.get("param"))
    except (ValueError, KeyError, TypeError):
        return Problem(status or 500, FAILED)


def _problem_of(error: Exception) -> Problem:
    """Return what a response fails of; a mistake of the client is told in the words of Responses."""
    problem = error if isinstance(error, Problem) else late_refusal(error)
    if problem is None:
        logger.error("a response has failed", exc_info=error)
        return Problem(500, FAILED)
    return in_responses_words(problem)


def _code_of(problem: Problem) -> str:
    """Return the code of OpenAI's document for a failed response."""
    if problem.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if problem.status < 500 else "server_error"
