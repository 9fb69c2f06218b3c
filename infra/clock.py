"""Time as a parameter, and the one loop that waits."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from infra.errors import TimedOut


class Clock(Protocol):
    """Where the time comes from: the machine, or a test."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def utc(self) -> datetime:
        """The wall clock in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        time.sleep(seconds)


def wait_until(done: Callable[[], bool], *, clock: Clock, timeout: float, every: float = 5, what: str = "it") -> None:
    """Call `done` every so many seconds until it is true; `TimedOut` after `timeout` seconds."""
    deadline = clock.now() + timeout
    while not done():
        if clock.now() >= deadline:
            raise TimedOut(f"{what} is not ready after {timeout:.0f} s")
        clock.sleep(every)
