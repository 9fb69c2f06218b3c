"""The life of a service: bring its engines up, notice when one dies."""

import asyncio
import contextlib

from scoring.loading import load_engine
from scoring.service import Service, State


async def bring_up(service: Service) -> None:
    """Load the engine and turn ready once it has generated a token."""
    try:
        service.engines.append(await load_engine(service.settings, service.timeline, service.engine_died.set))
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
