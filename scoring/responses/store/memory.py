"""Responses in the memory of this process, gone with it."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from scoring.responses.store.base import Kept, Outcome, share_of
from scoring.settings.response_store import ResponseStoreSettings


@dataclass
class _Owned:
    """What one caller has: when each of its records was kept, the oldest first, and their bytes in all."""

    ages: OrderedDict[str, float] = field(default_factory=OrderedDict)
    size: int = 0


class MemoryStore:
    """Records of this process."""

    shared = False

    def __init__(self, settings: ResponseStoreSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.callers = 1
        self._settings = settings
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._owned: dict[str, _Owned] = {}

    @property
    def size(self) -> int:
        """The bytes of all records."""
        return sum(owned.size for owned in self._owned.values())

    async def get(self, key: str) -> Kept | None:
        """Return what is kept under this id."""
        self._expire()
        return self._kept.get(key)

    async def add(self, key: str, payload: bytes, owner: str) -> Outcome:
        """Keep something new."""
        self._expire()
        if key in self._kept:
            return Outcome.CONFLICT
        return self._keep(key, Kept(payload, 1, owner), None)

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep this in the place of a version, and start its time anew."""
        self._expire()
        kept = self._kept.get(key)
        if kept is None or kept.version != version:
            return Outcome.CONFLICT
        return self._keep(key, Kept(payload, version + 1, kept.owner), kept)

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""
        self._expire()
        if key not in self._kept:
            return False
        self._forget(key)
        return True

    async def room(self, owner: str) -> int:
        """Return how many bytes this caller may add now."""
        self._expire()
        share, free = share_of(self._settings, self.callers), self._settings.size - self.size
        own = self._owned[owner].size if owner in self._owned else 0
        return min(share.size, free + own) if share.own_oldest_go else free

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._owned.clear()

    def _keep(self, key: str, new: Kept, old: Kept | None) -> Outcome:
        more = len(new.payload) - (len(old.payload) if old else 0)
        owned = self._owned.setdefault(new.owner, _Owned())
        if more > 0 and not self._make_room(key, len(new.payload), more, owned):
            return Outcome.FULL
        self._kept[key] = new
        owned.size += more
        owned.ages[key] = self._clock()
        owned.ages.move_to_end(key)
        return Outcome.DONE

    def _make_room(self, key: str, whole: int, more: int, owned: _Owned) -> bool:
        share = share_of(self._settings, self.callers)
        if not share.own_oldest_go:
            return self.size + more <= self._settings.size
        others = self.size - owned.size
        if whole > min(share.size, self._settings.size - others):
            return False
        while owned.size + more > min(share.size, self._settings.size - others):
            self._forget(next(other for other in owned.ages if other != key))
        return True

    def _expire(self) -> None:
        oldest_allowed = self._clock() - self._settings.seconds
        for owned in list(self._owned.values()):
            while owned.ages and next(iter(owned.ages.values())) <= oldest_allowed:
                self._forget(next(iter(owned.ages)))

    def _forget(self, key: str) -> None:
        kept = self._kept.pop(key)
        owned = self._owned[kept.owner]
        owned.size -= len(kept.payload)
        del owned.ages[key]
