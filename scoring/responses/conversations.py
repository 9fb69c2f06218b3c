"""Conversations: items that several responses have in common, to which each adds what was said."""

import asyncio
import random
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from scoring.problems import INVALID, Problem
from scoring.responses.keeping import Keeper, full, read_aside
from scoring.responses.paging import with_own_ids
from scoring.responses.request.items import Item, new_id
from scoring.responses.store.base import Outcome

FORMAT = b"gl-c"
PREFIX = "conversation:"  # of its key in the store: no id of a response has such a letter
TRIES = 30  # of a change that other instances come before
PAUSE = 0.02  # seconds between two of them, on average more each time
MOST_AT_ONCE = 20


@dataclass
class Conversation:
    """A conversation with its items in their order."""

    id: str
    created_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)

    def said(self) -> dict[str, Any]:
        """Return the object that clients get."""
        return {
            "id": self.id,
            "object": "conversation",
            "created_at": self.created_at,
            "metadata": self.metadata,
        }


class Conversations:
    """The conversations of all callers; a change that another has come before is made again, to the new version."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def create(self, owner: str, items: list[Item], metadata: dict[str, str]) -> Conversation:
        """Begin a conversation. Raises `Problem` (429 without room)."""
        made = Conversation(new_id("conv"), int(time.time()), metadata, with_own_ids(items, new_id))
        payload = await asyncio.to_thread(_encoded, made)
        if await self._keeper.store.add(PREFIX + made.id, payload, owner) is not Outcome.DONE:
            raise full()
        return made

    async def known(self, conversation_id: str, owner: str, param: str = "conversation_id") -> Conversation:
        """Return a conversation. Raises `Problem` (404)."""
        return (await self._read(conversation_id, owner, param))[0]

    async def delete(self, conversation_id: str, owner: str) -> None:
        """Forget a conversation. Raises `Problem` (404)."""
        await self.known(conversation_id, owner)
        await self._keeper.store.delete(PREFIX + conversation_id)

    async def change(self, conversation_id: str, owner: str, change: Callable[[Conversation], None]) -> Conversation:
        """Change a conversation. Raises `Problem` (404, 409 where others always come before, 429 without room)."""
        async with self._changing.setdefault(conversation_id, asyncio.Lock()):  # those of this instance take turns
            for number in range(TRIES):
                await asyncio.sleep(random.uniform(0, number * PAUSE))  # noqa: S311
                conversation, version = await self._read(conversation_id, owner, "conversation_id")
                change(conversation)
                payload = await asyncio.to_thread(_encoded, conversation)
                outcome = await self._keeper.store.replace(PREFIX + conversation_id, payload, version)
                if outcome is Outcome.DONE:
                    return conversation
                if outcome is Outcome.FULL:
                    raise full()
        raise _contended(conversation_id)

    async def append(self, conversation_id: str, owner: str, given: list[Item], output: list[Item]) -> bool:
        """Add a response's input and output; False where there is no room. One that has been deleted stays deleted.

        What is there already stays: the store may have taken it, and not have been able to say so.
        """

        def add(conversation: Conversation) -> None:
            if not output or output[0]["id"] not in {item["id"] for item in conversation.items}:
                conversation.items = with_own_ids([*conversation.items, *given, *output], new_id)

        try:
            await self.change(conversation_id, owner, add)
        except Problem as problem:
            return problem.status == 404
        return True

    async def _read(self, conversation_id: str, owner: str, param: str) -> tuple[Conversation, int]:
        kept = await self._keeper.store.get(PREFIX + conversation_id)
        visible = kept is not None and self._keeper.may_see(owner, kept.owner)
        found = await read_aside(_decoded, kept.payload) if kept is not None and visible else None
        if kept is None or found is None:
            raise Problem(404, f"Conversation with id '{conversation_id[:256]}' not found.", param=param, kind=INVALID)
        return found, kept.version


def _contended(conversation_id: str) -> Problem:
    return Problem(
        409,
        f"Conversation with id '{conversation_id}' is being changed by others all the time; try again.",
        code="conversation_locked",
        kind=INVALID,
        param="conversation",
    )


def _encoded(conversation: Conversation) -> bytes:
    return FORMAT + zlib.compress(msgspec.json.encode(asdict(conversation)), 1)


def _decoded(payload: bytes) -> Conversation | None:
    if not payload.startswith(FORMAT):
        return None
    try:
        return Conversation(**msgspec.json.decode(zlib.decompress(payload[len(FORMAT) :])))
    except (zlib.error, msgspec.DecodeError, TypeError):
        return None
