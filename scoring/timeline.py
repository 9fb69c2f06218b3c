"""The start-up timeline: which phases have passed, how long each took; on the log and in the readiness answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger("scoring")


class Timeline:
    """Phases of one start; phases may run side by side in threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._running: dict[str, float] = {}
        self._finished: list[tuple[str, float]] = []
        self.total: float | None = None

    @property
    def seconds(self) -> float:
        """How long the start has taken so far."""
        return self._clock() - self._began

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase and log it once it is through; a phase that raises is not logged."""
        began = self._clock()
        with self._lock:
            self._running[name] = began
        yield
        seconds = self._clock() - began
        with self._lock:
            del self._running[name]
            self._finished.append((name, seconds))
        logger.info("[startup] %s %.2f s", name, seconds)

    def finish(self) -> None:
        """Log the total: from the first line of the process to ready."""
        self.total = self._clock() - self._began
        logger.info("[startup] ready %.2f s", self.total)

    def to_json(self) -> dict[str, Any]:
        """Return finished and running phases in seconds."""
        now = self._clock()
        with self._lock:
            return {
                "phases": [{"phase": name, "seconds": round(seconds, 2)} for name, seconds in self._finished],
                "running": [{"phase": name, "seconds": round(now - at, 2)} for name, at in self._running.items()],
            }
