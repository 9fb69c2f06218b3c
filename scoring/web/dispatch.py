"""How a request that has been checked reaches the engine: which of its fronts answers, and with which bytes."""

import json
from dataclasses import dataclass
from typing import Any

from scoring.asgi import ASGIApp, Receive, Scope, Send, replaying, with_body
from scoring.engine.client import VllmEngine
from scoring.web.intake import Received


@dataclass(frozen=True)
class Asked:
    """What an engine is asked: vLLM's own path, the body's bytes, and what they say."""

    path: str
    body: bytes
    document: dict[str, Any]

    @classmethod
    def of(cls, path: str, received: Received, prepared: dict[str, Any]) -> "Asked":
        """Keep the client's own bytes where its contract has changed nothing."""
        body = received.body if prepared is received.document else json.dumps(prepared).encode()
        return cls(path, body, prepared)


def dispatch(engine: VllmEngine, asked: Asked) -> ASGIApp:
    """Return the app that answers this request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await engine.app(with_body(scope, asked.path, asked.body), replaying(asked.body, receive), send)

    return answer
