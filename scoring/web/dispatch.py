"""How a request that has been checked reaches the engine: which of its fronts answers, and with which bytes."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from scoring.asgi import ASGIApp, Receive, Scope, Send, replaying, with_body
from scoring.engine.client import VllmEngine
from scoring.engine.fronts.answers import complete_answer, complete_events
from scoring.engine.fronts.rust import RustFront
from scoring.engine.fronts.table import python_row
from scoring.problems import RETRY_SECONDS, Problem
from scoring.web.access_log import FRONT
from scoring.web.intake import Received
from scoring.web.relay.relay import Relay, Rewriting
from scoring.web.relay.upstream import FrontDied
from scoring.web.short_errors import ShortErrors

REWRITING = Rewriting(events=complete_events, whole=complete_answer)

_relays: WeakKeyDictionary[RustFront, Relay] = WeakKeyDictionary()


@dataclass
class Asked:
    """What an engine is asked: vLLM's own path, the body's bytes, and what they say.

    A body may be large and its answer take long: both are let go of as soon as nobody will ask for them again.
    """

    path: str
    body: bytes
    document: dict[str, Any]

    @classmethod
    def of(cls, path: str, received: Received, prepared: dict[str, Any]) -> "Asked":
        """Keep the client's own bytes where its contract has changed nothing."""
        body = received.body if prepared is received.document else msgspec.json.encode(prepared)
        return cls(path, body, prepared)

    def drop(self) -> None:
        """Let go of the body: nobody will ask for it again."""
        self.body, self.document = b"", {}


def dispatch(engine: VllmEngine, asked: Asked) -> ASGIApp:
    """Return the app that answers this request: the Rust front by way of the relay, or vLLM's Python app.

    What the Rust front refuses, or does not live to begin, is asked of the Python app, whose answer counts. The app
    raises `Problem` (500, 503) where the Rust front ends in the midst of its answer, and `ClientGone`.
    """
    rust = engine.rust
    if rust is not None and python_row(asked.path, asked.document, engine.front_facts) is not None:
        rust = None
    asked.document = {}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if rust is not None:
            scope[FRONT] = "rust"
            try:
                if await relay_to(rust, engine).answer(asked, scope, receive, send):
                    return
            except FrontDied as error:
                raise _broken_off(engine) from error
        scope[FRONT] = "python"
        own, replay = with_body(scope, asked.path, asked.body), replaying(asked.body, receive)
        asked.drop()
        await engine.app(own, replay, ShortErrors(send))

    return answer


def _broken_off(engine: VllmEngine) -> Problem:
    if engine.dead:
        return Problem(500, "The engine has died.")
    return Problem(503, "The answer has broken off; try again.", retry_after=RETRY_SECONDS)


def relay_to(front: RustFront, engine: VllmEngine) -> Relay:
    """Return the relay to a front; its connections end with it."""
    if front not in _relays:
        _relays[front] = Relay(front.path, engine.relayed, REWRITING)
    return _relays[front]
