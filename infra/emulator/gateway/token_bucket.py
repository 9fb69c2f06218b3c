"""A token bucket, the rate limiter of Resource Manager and of the front ends."""

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to `size` tokens and regains `rate` of them each second."""

    def __init__(self, size: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._rate, self._clock = size, rate, clock
        self._held, self._at = size, clock()

    @property
    def held(self) -> float:
        """The number of tokens now; negative where more were taken than there were."""
        now = self._clock()
        self._held = min(self._size, self._held + (now - self._at) * self._rate)
        self._at = now
        return self._held

    def take(self, count: float = 1) -> float:
        """Take tokens, on credit if need be; returns the seconds until that credit is paid back."""
        self._held = self.held - count
        return max(0.0, -self._held / self._rate)
