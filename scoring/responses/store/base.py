"""Where responses and conversations are kept: opaque bytes by id, within a time limit and a size limit.

What is older than the time limit is not found. What is there is never overwritten unseen: `add` takes no id twice, and
`replace` only changes the version that its caller has read. Where several callers can be told apart each of them has an
equal share of the room, and its own oldest records make room for its new ones; else nothing is pushed out.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from scoring.settings.response_store import ResponseStoreSettings


class StoreUnavailable(Exception):
    """The store cannot be asked at the moment."""


class Outcome(Enum):
    """What came of a change."""

    DONE = "done"
    CONFLICT = "conflict"  # the id is taken, or it is no longer the version that was read
    FULL = "full"


@dataclass(frozen=True)
class Kept:
    """What is kept under an id; `version` changes with each replacement."""

    payload: bytes
    version: int
    owner: str


@dataclass(frozen=True)
class Share:
    """How much one caller may take (bytes), and whether its own oldest records make room for its new ones."""

    size: int
    own_oldest_go: bool


class ResponseStore(Protocol):
    """Keeps bytes by id; every method but `close` may raise StoreUnavailable."""

    shared: bool  # whether another process may write to it
    callers: int  # how many can be told apart; set before the first request

    async def get(self, key: str) -> Kept | None:
        """Return what is kept under this id."""

    async def add(self, key: str, payload: bytes, owner: str) -> Outcome:
        """Keep something new."""

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep this in the place of a version, and start its time anew."""

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""

    async def room(self, owner: str) -> int:
        """Return how many bytes this caller may add now."""

    async def close(self) -> None:
        """Let go of files and connections."""


def share_of(settings: ResponseStoreSettings, callers: int) -> Share:
    """Return what one of so many callers may take."""
    return Share(settings.size // max(1, callers), callers > 1)
