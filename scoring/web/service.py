"""The state of one serving process: loading, ready, draining or failed, and the requests that are under way."""

import asyncio
from enum import Enum
from typing import Any

from scoring.asgi import ASGIApp
from scoring.contracts.embeddings import EmbeddingFacts
from scoring.engine.client import EMBED, GENERATE, VllmEngine
from scoring.errors import BadSettings
from scoring.problems import RETRY_SECONDS
from scoring.settings.settings import ScoringSettings
from scoring.timeline import Timeline
from scoring.web.admission import Admission
from scoring.web.counts import RequestCounts
from scoring.web.intake import Intake


class State(Enum):
    """Where the process stands in its life; only READY takes requests."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


class Service:
    """What the HTTP surface and the process's life share."""

    def __init__(self, settings: ScoringSettings, timeline: Timeline) -> None:
        self.settings = settings
        self.timeline = timeline
        self.state = State.LOADING
        self.engines: list[VllmEngine] = []
        self.embeddings = EmbeddingFacts()
        self.api: ASGIApp | None = None  # what answers beside probes and the relayed paths, once it is there
        self.api_keys = settings.api_keys
        self.in_flight: set[asyncio.Task[Any]] = set()
        self.cut_off: set[asyncio.Task[Any]] = set()
        self.idle = asyncio.Event()
        self.engine_died = asyncio.Event()
        self.hung = False
        self.counts = RequestCounts()
        self.watching: list[asyncio.Task[Any]] = []  # tasks that nothing else refers to, kept from being collected
        self.intake = Intake(settings.limits)
        self._gates: dict[int, Admission] = {}

    @property
    def ready(self) -> bool:
        """Whether requests are taken: a first token was made, nobody asked us to stop, and the engine lives."""
        if self.hung or self.engine_died.is_set() or any(engine.dead for engine in self.engines):
            return False
        return self.state is State.READY

    def readiness(self) -> dict[str, Any]:
        """Describe the state for /health/ready."""
        status = "failed" if self.state is State.READY and not self.ready else self.state.value
        fronts = sorted({front for engine in self.engines for front in engine.fronts}, reverse=True)
        return {"status": status, "fronts": fronts, **self.timeline.to_json()}

    @property
    def retry_seconds(self) -> int:
        """After how long a client that finds no readiness may ask again: as a start goes on, and as long as it took."""
        if self.state is State.LOADING:
            return min(60, max(RETRY_SECONDS, round(self.timeline.seconds / 4)))
        if self.state is State.FAILED or self.engine_died.is_set():
            return min(60, max(RETRY_SECONDS, round(self.timeline.total or 0)))
        return RETRY_SECONDS

    def add(self, engine: VllmEngine) -> None:
        """Take in one more engine; a task has one, so that a request's route tells which is meant."""
        taken = {GENERATE, EMBED} & {task for one in self.engines for task in one.tasks} & set(engine.tasks)
        if taken:
            raise BadSettings(
                f"two engines would {' and '.join(taken)}: {self.engines[0].names[0]} and {engine.names[0]}",
                hint="SCORING_ENGINES may name one chat model and one embedding model",
            )
        self.engines.append(engine)
        self.api_keys = tuple(dict.fromkeys((*self.api_keys, *engine.api_keys)))

    def gate(self, engine: VllmEngine) -> Admission:
        """Return what admits requests to an engine."""
        if id(engine) not in self._gates:
            queued = engine.max_num_queued
            queued = self.settings.limits.max_queued if queued is None else queued
            self._gates[id(engine)] = Admission(engine.max_num_seqs, queued)
        return self._gates[id(engine)]

    def engine_for(self, task: str) -> VllmEngine | None:
        """Return the engine that can do a task (`generate`, `embed`)."""
        return next((engine for engine in self.engines if task in engine.tasks), None)

    def enter(self, task: asyncio.Task[Any]) -> None:
        """Note a request that is under way."""
        self.in_flight.add(task)

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Note that a request has ended."""
        self.in_flight.discard(task)
        self.cut_off.discard(task)
        if not self.in_flight:
            self.idle.set()

    async def drain(self, seconds: float) -> None:
        """Take no new request; let those under way end, cut off those that do not in time."""
        self.state = State.DRAINING
        await self._wait_idle(seconds)
        for task in list(self.in_flight):
            self.cut_off.add(task)
            task.cancel()
        await self._wait_idle(2)

    async def _wait_idle(self, seconds: float) -> None:
        self.idle.clear()
        if not self.in_flight:
            return
        try:
            await asyncio.wait_for(self.idle.wait(), seconds)
        except TimeoutError:
            return
