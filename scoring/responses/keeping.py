"""Access to the store: callers find only their own responses, and no id is given to two."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from scoring.problems import INVALID, Problem
from scoring.responses.record import Record, read_record
from scoring.responses.request.items import Item
from scoring.responses.store.base import Outcome, ResponseStore
from scoring.web.access import owner_of
from scoring.web.exchange import Exchange
from scoring.web.service import Service

BYTES_A_TOKEN = 4  # of an answer in a compressed record, where nothing better is known
TOKENS = 256  # of an answer whose request sets no limit
SMALL = 16 * 1024  # bytes of a record that is read at once: longer ones would keep the event loop from its work

Read = TypeVar("Read")


@dataclass
class Found:
    """A record, and which version of it was read."""

    record: Record
    version: int


class Keeper:
    """Finds and adds the records of the store, each for the caller that it belongs to."""

    def __init__(self, store: ResponseStore, service: Service) -> None:
        self.store = store
        self.look_seconds = 2.0  # how often an instance looks for what others have stored
        self._keys = service.api_keys
        self._limits = service.settings.limits
        store.callers = max(1, len(self._keys))

    def owner(self, exchange: Exchange) -> str:
        """Return who sends a request."""
        return owner_of(exchange.scope, self._keys)

    def may_see(self, owner: str, kept_for: str) -> bool:
        """Tell whether what is kept for one caller may be shown to another; with one key all are the same."""
        return self.store.callers == 1 or owner == kept_for

    async def find(self, response_id: str, owner: str) -> Found | None:
        """Return what is kept under this id for this caller."""
        kept = await self.store.get(response_id)
        if kept is None or not self.may_see(owner, kept.owner):
            return None
        record = await read_aside(read_record, kept.payload)
        return None if record is None else Found(record, kept.version)

    async def known(self, response_id: str, owner: str, param: str = "response_id") -> Found:
        """Return what is kept under this id for this caller. Raises `Problem` (404)."""
        found = await self.find(response_id, owner)
        if found is None:
            raise not_found(response_id, param)
        return found

    async def check_room(self, record: Record, owner: str, times: int) -> None:
        """Raise `Problem` (429) where a response will probably find no room, so many times, when it has ended."""
        tokens = record.response.get("max_output_tokens") or TOKENS
        size = len(await write_aside(record))
        if await self.store.room(owner) < times * (size + tokens * BYTES_A_TOKEN):
            raise full()

    def check_size(self, items: list[Item], place: str) -> None:
        """Raise `Problem` (400) for a conversation that is larger than a request may be that sends it whole.

        The store counts what it holds, compressed, and what is compressed may be a thousand times as large.
        """
        most, size = self._limits.max_body_bytes, len(msgspec.json.encode(items))
        if size > most or len(items) > self._limits.max_message_parts:
            said = f"{place}: the conversation would have {len(items)} items of {size} bytes"
            limits = f"at most {self._limits.max_message_parts} and {most} are allowed"
            raise Problem(400, f"{said}; {limits}: compact it, or begin another.", param=place, kind=INVALID)

    async def add(self, record: Record, owner: str) -> None:
        """Keep a new record. Raises `Problem` (400 for an id that is taken, 429 without room)."""
        response_id = record.response["id"]
        outcome = await self.store.add(response_id, await write_aside(record), owner)
        if outcome is Outcome.CONFLICT:
            raise taken(response_id)
        if outcome is Outcome.FULL:
            raise full()


async def write_aside(record: Record) -> bytes:
    """Return a record's bytes, compressed in a thread if there are many; a thread costs more than to compress few."""
    written = record.written()
    if len(written) <= SMALL and record.events is None:
        return record.packed(written)
    return await asyncio.to_thread(record.packed, written)


async def read_aside(read: Callable[[bytes], Read], payload: bytes) -> Read:
    """Read a payload, in a thread if it is long."""
    return read(payload) if len(payload) <= SMALL else await asyncio.to_thread(read, payload)


def taken(response_id: str) -> Problem:
    """Return the refusal of an id that somebody has."""
    return Problem(400, f"Response with id '{response_id}' exists already.", param="request_id", kind=INVALID)


def full() -> Problem:
    """Return the refusal of what asks to be kept where there is no room."""
    return Problem(
        429,
        "There is no room for more stored responses: delete some, wait until their time is over, send store=false, "
        "or have SCORING_RESPONSE_STORE_BYTES raised.",
        code="insufficient_quota",
        kind="insufficient_quota",
        param="store",
        headers=[(b"x-should-retry", b"false")],
    )


def not_found(response_id: str, param: str = "response_id") -> Problem:
    """Return the answer for an id that is not known, or not to this caller."""
    return Problem(404, f"Response with id '{response_id[:256]}' not found.", param=param, kind=INVALID)
