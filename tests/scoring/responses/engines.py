"""Engines that answer, refuse, break off or hang as a test wants: what their apps do is a list of steps."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from scoring.asgi import Message, Receive, Scope, Send, read_body, send_json

Step = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Engine:
    """An engine whose chat answers are these steps, one a request."""

    steps: list[Step]
    rust = None
    dead = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(json.loads(await read_body(scope, receive, 1 << 20)))
        await self.steps.pop(0)(scope, receive, send)

    @property
    def front_facts(self) -> Any:
        raise AssertionError("there is one front only")


def sse(chunks: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)


def saying(chunks: list[dict[str, Any]], size: int = 0, last: bytes = b"data: [DONE]\n\n") -> Step:
    """Return a step that streams these chunks, in pieces of so many bytes."""

    async def step(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = sse(chunks) + last
        for at in range(0, len(body), size or len(body)):
            await send({"type": "http.response.body", "body": body[at : at + (size or len(body))], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return step


def refusing(status: int, message: str, param: str | None = None) -> Step:
    async def step(scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, status, {"error": {"message": message, "param": param}})

    return step


def raising(chunks: list[dict[str, Any]], error: BaseException) -> Step:
    async def step(scope: Scope, receive: Receive, send: Send) -> None:
        await saying(chunks, last=b"")(scope, receive, _without_end(send))
        raise error

    return step


def hanging(chunks: list[dict[str, Any]], left: list[str] | None = None) -> Step:
    """Return a step that says this and then waits until its client leaves, as vLLM's app does."""

    async def step(scope: Scope, receive: Receive, send: Send) -> None:
        await saying(chunks, last=b"")(scope, receive, _without_end(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        if left is not None:
            left.append("aborted")

    return step


def _without_end(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body"):
            await send(message)

    return sent
