"""Azure Monitor's clock in the emulator, which may run faster than the machine's, be set ahead, or stand still.

Two settings drive it, so that nobody waits for minutes: `monitor_speed` is how many seconds pass on it in one
(0: it stands still), `monitor_seconds_ahead` is by how many it was set ahead. Only metrics and autoscale go by it.
"""

import time
from collections.abc import Callable

from infra.emulator.state.settings import Settings

MINUTE = 60.0


class MonitorClock:
    """Seconds since 1970; it never goes back while the emulator runs, unless it is set back."""

    def __init__(self, settings: Settings, machine: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._machine = machine
        self._since = self._then = machine()
        self._speed = settings["monitor_speed"]

    def now(self) -> float:
        """The present moment on this clock."""
        real, speed = self._machine(), self._settings["monitor_speed"]
        if speed != self._speed:  # what has passed until now has passed at the old speed
            self._then += (real - self._since) * self._speed
            self._since, self._speed = real, speed
        return self._then + (real - self._since) * self._speed + self._settings["monitor_seconds_ahead"]

    def pause(self) -> float:
        """How many seconds of the machine to wait between two looks at this clock: a quarter of its minutes.

        Where it stands still, somebody sets it ahead step by step and waits.
        """
        return min(1.0, max(0.05, MINUTE / self._speed / 4)) if self._speed else 0.02
