"""Conversations: items that several responses have in common, to which each adds what was said."""

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from scoring.problems import Problem
from scoring.responses.keeping import INVALID, Keeper, full
from scoring.responses.paging import with_own_ids
from scoring.responses.request.items import Item, new_id
from scoring.responses.store.base import Outcome

FORMAT = b"gl-c"
PREFIX = "conversation:"  # of its key in the store: no id of a response has such a letter
TRIES = 30  # of a change that others come before
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
    """The conversations of all callers; a change is made to what was read, or again."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def create(self, owner: str, items: list[Item], metadata: dict[str, str]) -> Conversation:
        """Begin a conversation. Raises `Problem` (429 without room)."""
        made = Conversation(new_id("conv"), int(time.time()), metadata, with_own_ids(items, new_id))
        if await self._keeper.store.add(PREFIX + made.id, _encoded(made), owner) is not Outcome.DONE:
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
        for _ in range(TRIES):
            conversation, version = await self._read(conversation_id, owner, "conversation_id")
            change(conversation)
            outcome = await self._keeper.store.replace(PREFIX + conversation_id, _encoded(conversation), version)
            if outcome is Outcome.DONE:
                return conversation
            if outcome is Outcome.FULL:
                raise full()
        raise Problem(
            409,
            f"Conversation with id '{conversation_id}' is being changed by others all the time; try again.",
            code="conversation_locked",
            kind=INVALID,
            param="conversation",
        )

    async def append(self, conversation_id: str, owner: str, items: list[Item]) -> bool:
        """Add items of a response; False where there is no room. One that has been deleted stays deleted."""

        def add(conversation: Conversation) -> None:
            conversation.items = with_own_ids([*conversation.items, *items], new_id)

        try:
            await self.change(conversation_id, owner, add)
        except Problem as problem:
            return problem.status == 404
        return True

    async def _read(self, conversation_id: str, owner: str, param: str) -> tuple[Conversation, int]:
        kept = await self._keeper.store.get(PREFIX + conversation_id)
        found = _decoded(kept.payload) if kept and self._keeper.may_see(owner, kept.owner) else None
        if kept is None or found is None:
            raise Problem(404, f"Conversation with id '{conversation_id[:256]}' not found.", param=param, kind=INVALID)
        return found, kept.version


def _encoded(conversation: Conversation) -> bytes:
    return FORMAT + zlib.compress(msgspec.json.encode(asdict(conversation)), 1)


def _decoded(payload: bytes) -> Conversation | None:
    if not payload.startswith(FORMAT):
        return None
    try:
        return Conversation(**msgspec.json.decode(zlib.decompress(payload[len(FORMAT) :])))
    except (zlib.error, msgspec.DecodeError, TypeError):
        return None
