"""Responses generated in the background: each can be followed and cancelled, and always comes to a stored end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from scoring.asgi import Scope, never
from scoring.responses.events.writing import Event
from scoring.responses.generation import FAILED, Generation
from scoring.responses.keeping import Keeper
from scoring.responses.lease import Lease, persistently
from scoring.responses.record import EventLog, Record, retold
from scoring.responses.store.base import Outcome
from scoring.responses.turn import Turn
from scoring.web.exchange import Exchange
from scoring.web.waiting_line import Ticket, WaitingLine

logger = logging.getLogger("scoring")

AT_ONCE = 100
SHUT_DOWN = "The server was shut down before the response was complete."


class Work:
    """One response under way without its client."""

    def __init__(self, turn: Turn, keeper: Keeper) -> None:
        self.owner = turn.owner
        self.generation: Generation = turn.generation
        self.log = EventLog()
        self.record: Record = turn.record()
        self.record.events = self.log.events
        self.record.settled = False
        self.record.renew()
        self.task: asyncio.Task[None] | None = None
        self._turn = turn
        self._last: list[Event] = []
        self._look_seconds = keeper.look_seconds
        self.lease = Lease(keeper.store, self.record, self.log, self._stop)
        self._grown = asyncio.Event()
        self._settled = asyncio.Event()

    @property
    def response(self) -> dict[str, Any]:
        """The response object as it stands."""
        return self.generation.response

    async def run(self, ticket: Ticket, scope: Scope) -> None:
        """Generate it when its turn comes, and store its end."""
        self.lease.begin(self._look_seconds)
        machine = self.generation.machine
        try:
            async with ticket:
                await self.generation.run(scope, never, self._sink)
        except asyncio.CancelledError:  # perhaps before its turn has come
            await self._sink(machine.end(SHUT_DOWN))
        except Exception:
            logger.exception("[responses] %s has failed", self.response["id"])
            await self._sink(machine.end(FAILED))
        settling = asyncio.create_task(self._settle())
        while not settling.done():
            with contextlib.suppress(asyncio.CancelledError):  # of a shutdown: the end is stored nevertheless
                await asyncio.wait({settling})

    async def cancel(self) -> None:
        """End the generation, and wait until that is stored."""
        self._stop()
        await self._settled.wait()

    async def under_way(self) -> bool:
        """Tell whether it has not ended yet; where it has, wait until that is stored."""
        if self.generation.machine.ended:
            await self._settled.wait()
        return not self.settled

    @property
    def settled(self) -> bool:
        """Whether its end is stored."""
        return self._settled.is_set()

    async def follow(self, after: int) -> AsyncIterator[list[Event]]:
        """Yield the events after a number, the terminal one when it is stored."""
        while True:
            grown, settled = self._grown, self._settled.is_set()
            if events := self.log.events[after + 1 :]:
                after += len(events)
                yield events
            elif settled:
                return
            else:
                await grown.wait()

    def _stop(self) -> None:
        machine = self.generation.machine
        if not machine.ended and self.task is not None:
            self._last += machine.cancel()
            self.task.cancel()

    async def _sink(self, events: list[Event]) -> None:
        if self.generation.machine.ended:
            self._last += events
        else:
            self.tell(events)

    def tell(self, events: list[Event]) -> None:
        """Let those who follow see events."""
        self.log.events += events
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def _settle(self) -> None:
        """Store the end, and only then let it be seen."""
        try:
            await self.lease.stop()
            await self._store_end()
        except Exception:
            logger.exception("[responses] the end of %s is not stored", self.response["id"])
        if self._last:
            self._last[-1] = retold(self._last[-1], self.response)
        self._settled.set()
        self.tell(self._last)

    async def _store_end(self) -> None:
        if not await persistently(self._turn.append):
            self.response["store"] = False
        self.record.events = [*self.log.events, *self._last]
        outcome = await self.lease.settle()
        if outcome is Outcome.FULL:
            self.response["store"] = False
        elif self.lease.cancelled and self.response["status"] != "cancelled":
            self._end_as_cancelled()
            await self.lease.settle()

    def _end_as_cancelled(self) -> None:
        """Replace its end by a cancellation that another instance has already confirmed to a client."""
        self.response.update(status="cancelled", completed_at=None, incomplete_details=None, error=None)
        self._last[-1] = retold(self._last[-1], self.response, "response.incomplete")
        self.record.events = [*self.log.events, *self._last]


class BackgroundResponses:
    """The background responses of this process, by id."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._line: WaitingLine | None = None
        self._running: dict[str, Work] = {}

    def find(self, response_id: str, owner: str) -> Work | None:
        """Return what is under way here under this id for this caller."""
        work = self._running.get(response_id)
        if work is None or work.settled or not self._keeper.may_see(owner, work.owner):
            return None
        return work

    async def start(self, exchange: Exchange, turn: Turn) -> Work:
        """Store that it is queued, and begin to wait for its place. Raises `Problem` (400, 429)."""
        service = exchange.service
        if self._line is None:
            self._line = WaitingLine(service.gate(turn.generation.engine), AT_ONCE)
        ticket = self._line.stand()
        try:
            work = Work(turn, self._keeper)
            work.tell(turn.generation.machine.queue())
            await self._keeper.add(work.record, turn.owner)
        except BaseException:
            ticket.give_up()
            raise
        scope = {name: value for name, value in exchange.scope.items() if name != Exchange.KEY}
        work.task = asyncio.create_task(work.run(ticket, scope), name=f"response_{turn.response['id']}")
        self._running[turn.response["id"]] = work
        await asyncio.sleep(0)  # it has begun: what is cancelled before that would never end
        service.enter(work.task)  # a shutdown waits for it; what takes too long is cancelled
        work.task.add_done_callback(service.leave)
        work.task.add_done_callback(lambda _: self._running.pop(turn.response["id"], None))
        return work
