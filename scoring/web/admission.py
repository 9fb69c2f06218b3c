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
        self.running = max(1, running)
        self._clock = clock
        self._seconds = 1.0  # how long a request has taken of late
        self.inside = 0
        self.on_leave: list[Callable[[], None]] = []

    def check_room(self) -> None:
        """Refuse with 429 when every place is taken: before a body is read in vain."""
        if self.inside >= self.capacity:
            raise Problem(
                429,
                f"The server is at its limit of {self.capacity} requests at a time; try again shortly.",
                retry_after=self.retry_after(),
            )

    @contextmanager
    def admitted(self) -> Iterator["Place"]:
        """Hold a place while a request runs, at most until its end; refuse with 429 when it is full."""
        self.check_room()
        place = self.enter()
        try:
            yield place
        finally:
            place.end()

    def enter(self) -> "Place":
        """Take a place, whether there is room or not."""
        self.inside += 1
        return Place(self, self._clock())

    def leave(self, place: "Place") -> None:
        """Give a place back, and tell those who wait for one."""
        self.inside -= 1
        self._seconds += 0.2 * (self._clock() - place.began - self._seconds)
        for tell in self.on_leave:
            tell()

    def retry_after(self) -> int:
        """Guess when a place will be free: the time that one request takes, in whole seconds up to a minute."""
        return min(60, max(1, math.ceil(self._seconds * self.running / max(1, self.capacity))))


class Place:
    """One request's place at an engine."""

    def __init__(self, gate: Admission, began: float) -> None:
        self._gate = gate
        self.began = began
        self._held = True

    def end(self) -> None:
        """Give it back: a client that has its answer may ask again at once."""
        if self._held:
            self._held = False
            self._gate.leave(self)
