"""Where stored responses are kept: within a time limit and a size limit, in memory, in SQLite or in Redis.

A store keeps opaque bytes by id. When it is full the oldest go first; what is older than the time limit is not found.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from scoring.settings.response_store import ResponseStoreSettings


class StoreUnavailable(Exception):
    """The store cannot be asked at the moment."""


class ResponseStore(Protocol):
    """Keeps bytes by id; every method may raise StoreUnavailable."""

    shared: bool  # whether another process may write to it

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under this id."""

    async def put(self, key: str, payload: bytes) -> bool:
        """Keep it and start its time anew; False when it alone is over the size limit."""

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""

    async def close(self) -> None:
        """Let go of files and connections."""


class MemoryStore:
    """Responses of this process, gone with it."""

    shared = False

    def __init__(self, settings: ResponseStoreSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self.size = 0

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under this id."""
        self._expire()
        kept = self._kept.get(key)
        return kept[1] if kept else None

    async def put(self, key: str, payload: bytes) -> bool:
        """Keep it, and let the oldest go where it would not fit."""
        await self.delete(key)
        if len(payload) > self._settings.size:
            return False
        self._kept[key] = (self._clock(), payload)
        self.size += len(payload)
        while self.size > self._settings.size:
            self._forget_oldest()
        return True

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""
        self._expire()
        kept = self._kept.pop(key, None)
        if kept is None:
            return False
        self.size -= len(kept[1])
        return True

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.size = 0

    def _expire(self) -> None:
        oldest_allowed = self._clock() - self._settings.seconds
        while self._kept and next(iter(self._kept.values()))[0] <= oldest_allowed:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, (_, payload) = self._kept.popitem(last=False)
        self.size -= len(payload)
