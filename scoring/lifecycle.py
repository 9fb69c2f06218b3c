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
