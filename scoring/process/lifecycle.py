"""The life of a service: bring its engines up, notice when one dies."""

import asyncio
import contextlib
import logging

from scoring.asgi import ASGIApp
from scoring.contracts.embeddings import EmbeddingFacts, read_prompts
from scoring.engine.client import EMBED
from scoring.engine.metrics import EngineMetrics
from scoring.process.loading import in_thread, load_engine
from scoring.process.rust import watch_rust
from scoring.responses.store.base import ResponseStore
from scoring.responses.store.memory import MemoryStore
from scoring.settings.response_store import ResponseStoreSettings, is_redis
from scoring.web.service import Service, State

logger = logging.getLogger("scoring")


async def bring_up(service: Service) -> None:
    """Load the engines and turn ready once each has generated a token."""
    try:
        store = await open_store(service.settings.responses)
        metrics = EngineMetrics()
        for settings in service.settings.each_engine():
            engine = await load_engine(settings, service.timeline, service.engine_died.set)
            metrics.keep()
            if EMBED in engine.tasks:
                service.embeddings = EmbeddingFacts(engine.embedding_size, read_prompts(engine.location))
            service.add(engine)
            service.watching.append(asyncio.create_task(watch_rust(engine)))
        service.api = await in_thread(lambda: _api(service, store))
    except BaseException:
        service.state = State.FAILED
        raise
    service.state = State.READY
    service.timeline.finish()


def _api(service: Service, store: ResponseStore) -> ASGIApp:
    # FastAPI and the Responses layer take their time to import: not before we listen.
    from scoring.responses.surface import Responses
    from scoring.web.api.app import build_api

    return build_api(service, Responses(store, service))


async def watch_engines(service: Service) -> None:
    """Return once an engine is dead."""
    while service.state is not State.READY or not any(engine.dead for engine in service.engines):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.engine_died.wait(), 0.25)
            return


async def open_store(settings: ResponseStoreSettings) -> ResponseStore:
    """Open the store of the settings; a Redis server that is down is found out later, by each request."""
    if settings.url == "memory":
        return MemoryStore(settings)
    if is_redis(settings.url):
        from scoring.responses.store.redis_store import RedisStore  # the redis package is optional

        return RedisStore(settings)
    from scoring.responses.store.sqlite import SqliteStore  # one thread more, only where it is asked for

    return await SqliteStore.opened(settings)
