"""Token buckets, and with them how fast Resource Manager lets a principal go.

Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

import math
import time
from collections.abc import Callable

from infra.emulator.settings import Settings

# Kind of operation -> what a bucket holds and what it regains each second, for one principal in one subscription.
RATES = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
# All principals of a subscription together.
GLOBAL_FACTOR = 15


class Bucket:
    """Holds up to `size` tokens and regains `rate` of them each second."""

    def __init__(self, size: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._rate, self._clock = size, rate, clock
        self._held, self._at = size, clock()

    @property
    def held(self) -> float:
        """How many tokens there are now; below 0 where more were taken than there were."""
        now = self._clock()
        self._held = min(self._size, self._held + (now - self._at) * self._rate)
        self._at = now
        return self._held

    def take(self, count: float = 1) -> float:
        """Take tokens, in advance if need be; returns how many seconds it is until they are there."""
        self._held = self.held - count
        return max(0.0, -self._held / self._rate)


class Throttle:
    """Counts requests to the control plane as Azure does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def count(self, method: str, subscription: str, object_id: str) -> tuple[dict[str, str], int]:
        """The headers that say what is left, and after how many seconds to come again: 0 for a request that may."""
        kind = KINDS.get(method, "writes")
        size, rate = RATES[kind]
        own = self._bucket((subscription, object_id, kind), size, rate)
        everybody = self._bucket((subscription, "", kind), size * GLOBAL_FACTOR, rate * GLOBAL_FACTOR)
        refuses = bool(self._settings["throttle_requests"]) and own.held < 1
        wait = math.ceil((1 - own.held) / rate) if refuses else 0
        if not refuses:
            for bucket in (own, everybody):
                if bucket.held >= 1:
                    bucket.take()
        left = {f"subscription-{kind}": own.held, f"subscription-global-{kind}": everybody.held}
        return {f"x-ms-ratelimit-remaining-{name}": str(int(held)) for name, held in left.items()}, wait

    def _bucket(self, key: tuple[str, str, str], size: float, rate: float) -> Bucket:
        if key not in self._buckets:
            self._buckets[key] = Bucket(size, rate)
        return self._buckets[key]
