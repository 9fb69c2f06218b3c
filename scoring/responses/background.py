"""Responses that are generated in the background: watched to their end, cancelled from anywhere, never left hanging."""

import asyncio
import logging
import time
from typing import Any, Protocol

from scoring.engine.repairs.responses import Exchange
from scoring.problems import RETRY_SECONDS, Problem
from scoring.responses.record import LEASE_SECONDS, Record, read_record, record_of
from scoring.responses.store.base import ResponseStore, StoreUnavailable
from scoring.web.admission import keep_place

logger = logging.getLogger("scoring")

AT_ONCE = 100
TRIES = 5


class Watched(Protocol):
    """Counts what is under way, so that a shutdown waits for it; what takes too long is cancelled."""

    def enter(self, task: asyncio.Task[Any]) -> None:
        """Note that it has begun."""

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Note that it has ended."""


class BackgroundResponses:
    """The background responses of this process; the store is how other instances learn of them and cancel them."""

    def __init__(self, store: ResponseStore, watched: Watched, seconds_between_looks: float = 2.0) -> None:
        self._store = store
        self._seconds_between_looks = seconds_between_looks
        self._watched = watched
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self.running: dict[str, Exchange] = {}

    def check_room(self) -> None:
        """Refuse one more while too many are under way: they hold no connection that would bound them."""
        if len(self.running) >= AT_ONCE:
            raise Problem(429, f"{AT_ONCE} background responses are under way already.", retry_after=RETRY_SECONDS)

    async def begin(self, exchange: Exchange) -> None:
        """Store a response that has just been queued, and watch it; where it cannot be stored it is given up."""
        if exchange.watched:
            return
        exchange.watched = True
        try:
            await self.save(exchange)
        except StoreUnavailable:
            exchange.cancel()
            exchange.settle()
            raise
        self.running[exchange.id] = exchange
        watcher = asyncio.create_task(self._watch(exchange), name=f"watch_{exchange.id}")
        self._watchers[exchange.id] = watcher
        self._watched.enter(watcher)
        keep_place(watcher)
        watcher.add_done_callback(self._watched.leave)

    async def save(self, exchange: Exchange) -> None:
        """Store an exchange as it stands."""
        exchange.unsaved = False
        if not await self._store.put(exchange.id, record_of(exchange).to_bytes()):
            logger.warning("[responses] %s is not stored: it alone is over the size limit", exchange.id)

    async def cancel(self, response_id: str) -> None:
        """End the generation of a response if it is ours, and wait for that."""
        exchange, watcher = self.running.get(response_id), self._watchers.get(response_id)
        if exchange is not None and watcher is not None:
            exchange.cancel()
            await asyncio.wait({watcher})

    async def _watch(self, exchange: Exchange) -> None:
        assert exchange.task is not None  # noqa: S101  (begin() is for such)
        try:
            renewed = time.monotonic()
            while not (await asyncio.wait({exchange.task}, timeout=self._seconds_between_looks))[0]:
                if self._store.shared:
                    renewed = await self._look(exchange, renewed)
            _log_failure(exchange)
            await self._finish(exchange, "The response could not be generated.")
        except asyncio.CancelledError:
            exchange.task.cancel()
            await self._finish(exchange, "The server was shut down before the response was complete.")
        finally:
            exchange.settle()
            del self.running[exchange.id], self._watchers[exchange.id]

    async def _look(self, exchange: Exchange, renewed: float) -> float:
        """Cancel what another instance has cancelled or deleted; say now and then that we still work on it."""
        try:
            record = await self._stored(exchange.id)
            if record is None or record.cancelled:
                exchange.cancel()
            elif time.monotonic() - renewed > LEASE_SECONDS / 3:
                await self.save(exchange)
                return time.monotonic()
        except StoreUnavailable as error:
            logger.warning("[responses] the store does not answer: %s", error)
        return renewed

    async def _finish(self, exchange: Exchange, failure: str) -> None:
        """Store the end of a response: what has been deleted stays deleted, what was cancelled stays cancelled."""
        exchange.end(failure)
        for seconds in range(TRIES):
            try:
                record = await self._stored(exchange.id)
                if record is not None and (not record.cancelled or exchange.response.status == "cancelled"):
                    await self.save(exchange)
                return
            except StoreUnavailable as error:
                logger.error("[responses] the end of %s is not stored yet: %s", exchange.id, error)
                await asyncio.sleep(seconds)

    async def _stored(self, response_id: str) -> Record | None:
        payload = await self._store.get(response_id)
        return None if payload is None else read_record(payload)


def _log_failure(exchange: Exchange) -> None:
    task = exchange.task
    if task is not None and not task.cancelled() and (error := task.exception()) is not None:
        logger.error("[responses] %s failed: %s: %s", exchange.id, type(error).__name__, error)
