"""Whether the engines make steps: one that makes none while requests wait is hung, until a token shows otherwise."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from scoring.process.loading import first_token
from scoring.web.service import Service

logger = logging.getLogger("scoring")


class Steps(Protocol):
    """What is watched of an engine."""

    @property
    def steps(self) -> int:
        """A number that grows with each step."""

    @property
    def busy(self) -> bool:
        """Whether requests wait for it."""


class EngineProgress:
    """How long an engine has had requests without making a step.

    Time without requests does not count and does not clear: the clients of a hung engine leave and come back. Once it
    is hung it is asked for a token, so that one that goes on is noticed, whoever else seems to wait.
    """

    def __init__(self, engine: Steps, limit: float, ask: Callable[[], Awaitable[Any]]) -> None:
        self._engine = engine
        self._limit = limit
        self._ask = ask
        self._steps = engine.steps
        self._stalled = 0.0
        self._asking: asyncio.Future[Any] | None = None

    @property
    def hung(self) -> bool:
        """Whether it has made no step for too long."""
        return self._stalled >= self._limit

    def look(self, seconds: float) -> None:
        """Note what has happened in the last so many seconds."""
        if self._engine.steps != self._steps:
            self._steps, self._stalled = self._engine.steps, 0.0
            return
        if self._engine.busy:
            self._stalled += seconds
        if self.hung and (self._asking is None or self._asking.done()):
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_forget)


async def watch_progress(service: Service, every: float = 1.0) -> None:
    """Keep `service.hung` true while an engine is hung."""
    limit = service.settings.limits.hang_seconds
    engines = [EngineProgress(one, limit, partial(first_token, one)) for one in service.engines]
    while limit:
        for engine in engines:
            engine.look(every)
        hung = any(engine.hung for engine in engines)
        if hung and not service.hung:
            logger.error("[health] no step of the engine for %d s while requests wait", limit)
        elif service.hung and not hung:
            logger.info("[health] the engine goes on")
        service.hung = hung
        await asyncio.sleep(every)


def _forget(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()  # seen: what counts is whether it made a step
