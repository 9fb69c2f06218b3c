"""Streams of the events of a background response: from this process, or from what another instance stores of it."""

import asyncio
import logging
from collections.abc import AsyncIterator

from scoring.asgi import Receive
from scoring.responses.events.writing import Event
from scoring.responses.generation import Sending
from scoring.responses.keeping import Keeper
from scoring.responses.record import LEASE_SECONDS, Record
from scoring.responses.store.base import StoreUnavailable
from scoring.web.exchange import Exchange

logger = logging.getLogger("scoring")

LAST_SECONDS = 1.5  # for the end of a response to come, when this process ends


async def send_events(exchange: Exchange, batches: AsyncIterator[list[Event]]) -> None:
    """Send events until they end or the client has gone; when this process ends, the response's end is still sent."""
    sending = asyncio.ensure_future(_send_all(exchange, batches))
    gone = asyncio.ensure_future(_gone(exchange.receive))
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await asyncio.wait({sending}, timeout=LAST_SECONDS)
        if not sending.done():
            raise
    finally:
        await _end(gone)
        if not sending.done():
            await _end(sending)
    if not sending.cancelled():
        sending.result()


async def follow_stored(keeper: Keeper, record: Record, owner: str, after: int) -> AsyncIterator[list[Event]]:
    """Yield the events after a number as the instance that generates a response stores them."""
    response_id, failures = record.response["id"], 0
    while True:
        events = record.events or []
        if new := events[after + 1 :]:
            after += len(new)
            yield new
        if record.settled:
            return
        await asyncio.sleep(keeper.look_seconds / 2)
        try:
            found = await keeper.find(response_id, owner)
        except StoreUnavailable as error:
            failures += 1
            if failures * keeper.look_seconds / 2 > LEASE_SECONDS:
                raise
            logger.warning("[responses] the store does not answer: %s", error)
            continue
        if found is not None:
            record, failures = found.record, 0
        else:  # deleted
            record.response["status"] = "cancelled"
            record.give_up()


async def _send_all(exchange: Exchange, batches: AsyncIterator[list[Event]]) -> None:
    sending = Sending(exchange.send)
    await sending([])  # the head: the next event may take its time
    async for events in batches:
        await sending(events)
    await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
