"""How many requests may be at an engine at once; the next one is refused at once, so that nobody waits in vain."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from scoring.problems import Problem


class Admission:
    """Counts the requests at one engine: those that run and a bounded number that waits."""

    def __init__(self, running: int, queued: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = running + (queued if queued >= 0 else max(8, running))
        self._running = max(1, running)
        self._clock = clock
        self._seconds = 1.0  # how long a request has taken of late
        self.inside = 0

    def check_room(self) -> None:
        """Refuse with 429 when every place is taken: before a body is read in vain."""
        if self.inside >= self.capacity:
            raise Problem(
                429,
                f"The server is at its limit of {self.capacity} requests at a time; try again shortly.",
                retry_after=self._retry_after(),
            )

    @contextmanager
    def admitted(self) -> Iterator["Place"]:
        """Hold a place while a request runs, at most until its end; refuse with 429 when it is full."""
        self.check_room()
        self.inside += 1
        place = Place(self, self._clock())
        token = current.set(place)
        try:
            yield place
        finally:
            current.reset(token)
            place.end()

    def leave(self, place: "Place") -> None:
        """Give a place back."""
        self.inside -= 1
        self._seconds += 0.2 * (self._clock() - place.began - self._seconds)

    def _retry_after(self) -> int:
        """Guess when a place will be free: the time that one request takes, in whole seconds up to a minute."""
        return min(60, max(1, math.ceil(self._seconds * self._running / max(1, self.capacity))))


class Place:
    """One request's place at an engine; work that outlives the request may keep it."""

    def __init__(self, gate: Admission, began: float) -> None:
        self._gate = gate
        self.began = began
        self._held = True

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold the place until this task has ended, too."""
        if self._held:
            self._held = False
            task.add_done_callback(lambda _: self._gate.leave(self))

    def end(self) -> None:
        """Give it back, unless something keeps it: a client that has its answer may ask again at once."""
        if self._held:
            self._held = False
            self._gate.leave(self)


current: ContextVar[Place | None] = ContextVar("place", default=None)


def keep_place(task: asyncio.Task[Any]) -> None:
    """Leave the place of the request that runs now to a task that goes on after it."""
    place = current.get()
    if place is not None:
        place.keep(task)
