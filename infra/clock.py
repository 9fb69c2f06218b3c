"""A clock that is passed as a parameter, so that tests can replace it, and `wait_until`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from infra.errors import TimedOut


class Clock(Protocol):
    """A source of time: the machine's clock, or one that a test controls."""

    def now(self) -> float:
        """Seconds on a clock that never goes backwards."""

    def utc(self) -> datetime:
        """The time of day, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)


def wait_until(done: Callable[[], bool], *, clock: Clock, timeout: float, every: float = 5, what: str = "it") -> None:
    """Call `done` every `every` seconds until it returns true; raises `TimedOut` after `timeout` seconds."""
    deadline = clock.now() + timeout
    while not done():
        if clock.now() >= deadline:
            raise TimedOut(f"{what} is not ready after {timeout:.0f} s")
        clock.sleep(every)
