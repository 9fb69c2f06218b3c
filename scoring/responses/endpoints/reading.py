"""Requests about responses that exist: their object, events and input items, cancelling and deleting them."""

from typing import Any

from scoring.asgi import send_json
from scoring.problems import INVALID, Problem
from scoring.responses.background import BackgroundResponses
from scoring.responses.following import follow_stored, send_events
from scoring.responses.keeping import Keeper, not_found
from scoring.responses.paging import Query, page
from scoring.responses.record import Record
from scoring.responses.request.members import INCLUDED
from scoring.responses.store.base import Outcome
from scoring.web.exchange import Exchange

TRIES = 30


class Reading:
    """Answers requests about one response; each raises `Problem` (404) where the caller has none of this id."""

    def __init__(self, keeper: Keeper, background: BackgroundResponses) -> None:
        self._keeper = keeper
        self._background = background

    async def retrieve(self, exchange: Exchange, response_id: str) -> None:
        """Answer `GET …/{id}`: the object as it stands, or with `stream=true` its events (400 where it has none)."""
        query = Query(exchange.scope)
        query.check_include(INCLUDED)
        after = query.number("starting_after", 0)
        if query.flag("stream"):
            await self._stream(exchange, response_id, -1 if after is None else after)
        elif after is not None:
            raise Problem(400, "starting_after goes with stream=true.", param="starting_after", kind=INVALID)
        else:
            await send_json(exchange.send, 200, await self._response(response_id, self._keeper.owner(exchange)))

    async def input_items(self, exchange: Exchange, response_id: str) -> None:
        """Answer `GET …/{id}/input_items`: all items that the response was made of, a page at a time."""
        query = Query(exchange.scope)
        query.check_include(INCLUDED)
        found = await self._keeper.known(response_id, self._keeper.owner(exchange))
        await send_json(exchange.send, 200, page(found.record.items, query))

    async def cancel(self, exchange: Exchange, response_id: str) -> None:
        """Answer `POST …/{id}/cancel`: one that has ended is given as it is; 400 for one not in the background."""
        owner = self._keeper.owner(exchange)
        work = self._background.find(response_id, owner)
        if work is not None:
            await work.cancel()
            response = work.response
        else:
            response = await self._cancel_elsewhere(response_id, owner)
        await send_json(exchange.send, 200, response)

    async def delete(self, exchange: Exchange, response_id: str) -> None:
        """Answer `DELETE …/{id}`: what is under way ends."""
        owner = self._keeper.owner(exchange)
        await self._keeper.known(response_id, owner)
        if not await self._keeper.store.delete(response_id):
            raise not_found(response_id)
        work = self._background.find(response_id, owner)
        if work is not None:
            await work.cancel()
        await send_json(exchange.send, 200, {"id": response_id, "object": "response", "deleted": True})

    async def _response(self, response_id: str, owner: str) -> dict[str, Any]:
        work = self._background.find(response_id, owner)
        if work is not None and await work.under_way():
            return work.response
        return (await self._keeper.known(response_id, owner)).record.response

    async def _stream(self, exchange: Exchange, response_id: str, after: int) -> None:
        owner = self._keeper.owner(exchange)
        work = self._background.find(response_id, owner)
        if work is not None:
            await send_events(exchange, work.follow(after))
            return
        record = (await self._keeper.known(response_id, owner)).record
        if record.events is None:
            raise Problem(
                400,
                f"Response with id '{response_id}' cannot be streamed: it was not created with background=true.",
                param="stream",
                kind=INVALID,
            )
        await send_events(exchange, follow_stored(self._keeper, record, owner, after))

    async def _cancel_elsewhere(self, response_id: str, owner: str) -> dict[str, Any]:
        """Say in the store that a response is cancelled: the instance that generates it looks there."""
        for _ in range(TRIES):
            found = await self._keeper.known(response_id, owner)
            record = found.record
            if not record.response["background"]:
                raise Problem(400, "Cannot cancel a synchronous response.", param="response_id", kind=INVALID)
            if not record.unfinished:
                return record.response
            _end_as_cancelled(record)
            if await self._keeper.store.replace(response_id, record.to_bytes(), found.version) is Outcome.DONE:
                return record.response
        raise Problem(503, "The response changes all the time; try again.", retry_after=1)


def _end_as_cancelled(record: Record) -> None:
    record.response["status"] = "cancelled"
    for item in record.response["output"]:
        if item.get("status") == "in_progress":
            item["status"] = "incomplete"
