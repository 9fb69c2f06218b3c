"""The life of a service: bring its engines up, notice when one dies."""

import asyncio
import contextlib
import logging

from scoring.background_responses import BackgroundResponses
from scoring.embedding_requests import EmbeddingsApp, read_prompts
from scoring.engine_metrics import EngineMetrics
from scoring.loading import load_engine
from scoring.response_store import open_store
from scoring.responses_surface import ResponsesSurface
from scoring.service import Service, State

logger = logging.getLogger("scoring")


async def bring_up(service: Service) -> None:
    """Load the engines and turn ready once each has generated a token."""
    try:
        store = await open_store(service.settings.responses)
        responses = ResponsesSurface(store, BackgroundResponses(store, service))
        metrics = EngineMetrics()
        for settings in service.settings.each_engine():
            engine = await load_engine(settings, service.timeline, service.engine_died.set)
            metrics.keep()
            engine.app = EmbeddingsApp(responses.around(engine.app), read_prompts(engine.location))
            service.add(engine)
    except BaseException:
        service.state = State.FAILED
        raise
    service.state = State.READY
    service.timeline.finish()


async def watch_engines(service: Service) -> None:
    """Return once an engine is dead."""
    while service.state is not State.READY or not any(engine.dead for engine in service.engines):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.engine_died.wait(), 0.25)
            return


async def watch_progress(service: Service, every: float = 1.0) -> None:
    """Mark the service as hung while requests wait at an engine that has made no step for too long."""
    limit = service.settings.limits.hang_seconds
    loop = asyncio.get_running_loop()
    seen: dict[int, tuple[float, float]] = {}
    while limit:
        hung = False
        for position, engine in enumerate(service.engines):
            now, steps = loop.time(), engine.steps() if service.gate(engine).inside else -1.0
            if position not in seen or steps < 0 or steps != seen[position][0]:
                seen[position] = (steps, now)
            hung = hung or now - seen[position][1] >= limit > 0 <= steps
        if hung and not service.hung:
            logger.error("[health] no step of the engine for %d s while requests wait", limit)
        service.hung = hung
        await asyncio.sleep(every)
