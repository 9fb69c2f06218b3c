"""A lease on a stored response: the instance that works on it renews it, and stores how far it is."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from scoring.responses.events.writing import Event
from scoring.responses.record import LEASE_SECONDS, EventLog, Record, read_record
from scoring.responses.store.base import Outcome, ResponseStore, StoreUnavailable

logger = logging.getLogger("scoring")
Result = TypeVar("Result")

TRIES = 5
NO_ROOM = "The response did not fit into the store, see SCORING_RESPONSE_STORE_BYTES."


class Lease:
    """One unfinished record that is ours; `on_lost` is called when somebody else has cancelled or deleted it."""

    def __init__(self, store: ResponseStore, record: Record, log: EventLog | None, on_lost: Callable[[], None]) -> None:
        self._store = store
        self._record = record
        self._log = log
        self._on_lost = on_lost
        self.clock: Callable[[], float] = time.time
        self._version = 1  # the one that was added
        self._saved_events = 0
        self._renewed = self.clock()
        self._watcher: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self.deleted = self.cancelled = False  # by somebody else

    @property
    def id(self) -> str:
        """The id of the response."""
        return str(self._record.response["id"])

    def begin(self, seconds: float) -> None:
        """Look after it from now on."""
        self._watcher = asyncio.create_task(self._watch(seconds), name=f"lease_{self.id}")

    async def _watch(self, seconds: float) -> None:
        while not self.deleted and not self.cancelled:
            try:
                async with asyncio.timeout(seconds):
                    await self._stopped.wait()
                return
            except TimeoutError:
                pass
            try:
                await self._look()
            except StoreUnavailable as error:
                logger.warning("[responses] the store does not answer: %s", error)

    async def _look(self) -> None:
        progressed = self._log is not None and len(self._log.events) > self._saved_events
        if (progressed and self._store.shared) or self.clock() - self._renewed > LEASE_SECONDS / 3:
            await self._save()
        elif self._store.shared:
            await self._check()

    async def _save(self) -> None:
        """Store how far it is; where there is no room for that, only that it is worked on."""
        renewed, events = self.clock(), len(self._log.events) if self._log else 0
        self._record.alive_until = renewed + LEASE_SECONDS
        packed = await asyncio.to_thread(self._log.packed) if self._log else None
        for payload in (await asyncio.to_thread(self._record.to_bytes, packed), self._bare().to_bytes(b"")):
            outcome = await self._store.replace(self.id, payload, self._version)
            if outcome is not Outcome.FULL:
                break
        if outcome is Outcome.CONFLICT:
            await self._check()
        elif outcome is Outcome.DONE:
            self._version += 1
            self._saved_events, self._renewed = events, renewed

    async def _check(self) -> None:
        """Notice what others have done: they delete a record, or say in it that it is cancelled."""
        kept = await self._store.get(self.id)
        if kept is not None and kept.version == self._version:
            return
        record = read_record(kept.payload) if kept else None
        self._version = kept.version if kept else 0
        self.deleted, self.cancelled = record is None, record is not None and record.response["status"] == "cancelled"
        if self.deleted or self.cancelled:  # else it is our own, of which the store has not told us
            self._on_lost()

    def _bare(self) -> Record:
        response = {**self._record.response, "output": []}
        events: list[Event] | None = None if self._record.events is None else []
        return Record(response, self._record.items, events, self._record.alive_until, self._record.settled)

    async def stop(self) -> None:
        """Look after it no longer; what is being stored is waited for, so that its version is known."""
        self._stopped.set()
        if self._watcher is not None:
            await asyncio.wait({self._watcher})

    async def settle(self) -> Outcome:
        """Store the record as it stands at its end, trying for a while.

        CONFLICT: somebody has deleted or cancelled it, which counts. FULL: it found no room or no store.
        """
        self._record.settled = True
        return await persistently(self._settle) or Outcome.FULL

    async def _settle(self) -> Outcome:
        payload = await asyncio.to_thread(self._record.to_bytes)
        while True:
            outcome = await self._store.replace(self.id, payload, self._version)
            if outcome is Outcome.FULL:
                await self._settle_without()
            if outcome is not Outcome.CONFLICT:
                return outcome
            await self._check()
            if self.deleted or self.cancelled:
                return outcome

    async def _settle_without(self) -> None:
        bare = self._bare()
        bare.events = None
        bare.response |= {"status": "failed", "completed_at": None, "incomplete_details": None}
        bare.response["error"] = {"code": "server_error", "message": NO_ROOM}
        await self._store.replace(self.id, bare.to_bytes(), self._version)


async def persistently(work: Callable[[], Awaitable[Result]]) -> Result | None:
    """Do something with the store, for ten seconds again and again while it does not answer; None if it never does."""
    for seconds in range(TRIES):
        try:
            return await work()
        except StoreUnavailable as error:
            logger.error("[responses] the end of a response is not stored yet: %s", error)
            await asyncio.sleep(seconds)
    return None
