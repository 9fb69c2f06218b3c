"""One response under way: the engine is asked as for a chat, its chunks go through the machine, events go out."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from scoring.asgi import Message, Receive, Scope, Send
from scoring.contracts.paths import CHAT
from scoring.engine.client import VllmEngine
from scoring.problems import Problem
from scoring.responses.events.chunks import decode_chunk
from scoring.responses.events.machine import Event, Machine
from scoring.web.dispatch import Asked, dispatch

Sink = Callable[[list[Event]], Awaitable[None]]
FAILED = "The response could not be generated."


class Generation:
    """A response from the question to its terminal event; `machine.response` is the object as it stands."""

    def __init__(self, engine: VllmEngine, machine: Machine, chat: dict[str, Any]) -> None:
        self.engine = engine
        self.machine = machine
        self._chat = chat

    @property
    def response(self) -> dict[str, Any]:
        """The response object as it stands."""
        return self.machine.response

    async def run(self, scope: Scope, receive: Receive, sink: Sink) -> None:
        """Generate it; events go to `sink` as they come.

        Raises `Problem` if the engine refuses before the first event, and whatever breaks off the answer after it:
        the caller then tells `machine.end(…)`.
        """
        asked = Asked(CHAT, msgspec.json.encode(self._chat), self._chat)
        answer = _ChatAnswer(self.machine, sink)
        await dispatch(self.engine, asked)(scope, receive, answer)
        answer.check()
        await sink(self.machine.end())


class _ChatAnswer:
    """`send` for the engine's streamed chat answer."""

    def __init__(self, machine: Machine, sink: Sink) -> None:
        self._machine = machine
        self._sink = sink
        self._status = 0
        self._begun = b""
        self._refusal = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._status == 200:
                await self._sink(self._machine.begin())
            return
        body = message.get("body", b"")
        if self._status != 200:
            self._refusal += body
            return
        *whole, self._begun = (self._begun + body).split(b"\n\n")
        events: list[Event] = []
        for event in whole:
            data = event.removeprefix(b"data: ")
            if data != b"[DONE]":
                chunk = decode_chunk(data)
                if chunk.error is not None:
                    raise Problem(500, chunk.error.message or FAILED)
                events += self._machine.feed(chunk)
        if events:
            await self._sink(events)

    def check(self) -> None:
        """Raise what the engine has refused with."""
        if self._status != 200:
            error = json.loads(self._refusal)["error"]
            raise Problem(self._status, error["message"], param=error.get("param"))


def sending(send: Send) -> Sink:
    """Return a sink that sends events as a stream; its head goes before the first."""
    begun = False

    async def sink(events: list[Event]) -> None:
        nonlocal begun
        if not begun:
            begun = True
            headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"".join(events), "more_body": True})

    return sink
