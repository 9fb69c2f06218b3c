"""Responses that are answered while their clients wait: sent whole or streamed, and kept when they have ended."""

import logging
from collections.abc import Awaitable

from scoring.asgi import send_json
from scoring.responses.events.writing import Event
from scoring.responses.generation import Sending, unheard
from scoring.responses.keeping import Keeper, write_aside
from scoring.responses.lease import Lease
from scoring.responses.record import retold
from scoring.responses.store.base import Outcome, StoreUnavailable
from scoring.responses.turn import Turn
from scoring.web.exchange import Exchange

logger = logging.getLogger("scoring")


async def answer_at_once(exchange: Exchange, turn: Turn, keeper: Keeper) -> None:
    """Generate a response and send it. Raises `Problem`; where it streams, only before its first event."""
    generation = turn.generation
    with exchange.place(generation.engine):
        keeping = Keeping(turn, keeper)
        await keeping.begin()
        generation.on_end = keeping.end
        try:
            if turn.request.stream:
                async with Sending(exchange.send) as sending:
                    await generation.run(exchange.scope, exchange.receive, Telling(sending, keeping))
                return
            await generation.run(exchange.scope, exchange.receive, unheard)
        finally:
            await keeping.drop()
    if generation.problem is not None:
        raise generation.problem
    await send_json(exchange.send, 200, turn.response)


class Telling:
    """A sink that sends events; the terminal one has `"store": false` where the response could not be kept."""

    def __init__(self, sending: Sending, keeping: "Keeping") -> None:
        self._sending = sending
        self._keeping = keeping

    def __call__(self, events: list[Event]) -> Awaitable[None]:
        """Send some events."""
        if self._keeping.refused:
            events = [*events[:-1], retold(events[-1], self._keeping.response)]
        return self._sending(events)


class Keeping:
    """What becomes of a response that is answered at once: kept when it has ended, before its client can know."""

    def __init__(self, turn: Turn, keeper: Keeper) -> None:
        self._turn = turn
        self._keeper = keeper
        self._lease: Lease | None = None
        self.refused = False  # it was to be kept and is not
        self.response = turn.response

    async def begin(self) -> None:
        """Take the id that a client has chosen, so that nobody else can. Raises `Problem` (400, 429)."""
        request = self._turn.request
        if request.response_id is None or not request.store:
            return
        record = self._turn.record()
        record.settled = False
        record.renew()
        await self._keeper.add(record, self._turn.owner)
        self._lease = Lease(self._keeper.store, record, None, lambda: None)
        self._lease.begin(self._keeper.look_seconds)

    async def end(self) -> None:
        """Keep the response as it has ended; nothing of one whose client has gone or is told an error instead."""
        request, status = self._turn.request, self.response["status"]
        if status == "cancelled" or (status == "failed" and not request.stream):
            return
        try:
            if not await self._turn.append():
                self._refuse()  # before it is stored: what is kept says the same
            if request.store and not await self._store():
                self._refuse()
        except StoreUnavailable as error:
            # The answer is there and has been paid for: it is given, and cannot be referred to later.
            logger.error("[responses] %s is not stored: %s", self.response["id"], error)
            self._refuse()

    def _refuse(self) -> None:
        self.refused, self.response["store"] = True, False

    async def drop(self) -> None:
        """Give the id back where nothing was kept under it."""
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await lease.stop()
            await self._keeper.store.delete(self.response["id"])

    async def _store(self) -> bool:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await lease.stop()
            return await lease.settle() is not Outcome.FULL
        payload = await write_aside(self._turn.record())
        return await self._keeper.store.add(self.response["id"], payload, self._turn.owner) is Outcome.DONE
