"""How many requests may be at an engine at once; the next one is refused at once, so that nobody waits in vain."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scoring.problems import Problem


class Admission:
    """Counts the requests at one engine: those that run and a bounded number that waits."""

    def __init__(self, running: int, queued: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = running + (queued if queued >= 0 else max(8, running))
        self._running = max(1, running)
        self._clock = clock
        self._seconds = 1.0  # how long a request has taken of late
        self.inside = 0

    def check(self) -> None:
        """Refuse with 429 when it is full; cheap enough to be asked before the body is read."""
        if self.inside >= self.capacity:
            raise Problem(
                429,
                f"The server is at its limit of {self.capacity} requests at a time; try again shortly.",
                retry_after=self._retry_after(),
            )

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place while a request runs."""
        self.check()
        self.inside += 1
        began = self._clock()
        try:
            yield
        finally:
            self.inside -= 1
            self._seconds += 0.2 * (self._clock() - began - self._seconds)

    def _retry_after(self) -> int:
        """Guess when a place will be free: the time that one request takes, in whole seconds up to a minute."""
        return min(60, max(1, math.ceil(self._seconds * self._running / max(1, self.capacity))))
