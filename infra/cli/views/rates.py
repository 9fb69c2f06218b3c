"""How far a transfer is: how much is done, how fast it goes and how long it will still take."""

from collections import deque
from collections.abc import Callable

WINDOW_S = 20.0  # the rate is that of the last so many seconds
SHORTEST_S = 3.0
UNITS = ("B", "kB", "MB", "GB", "TB")
BAR_WIDTH = 20


class Transfer:
    """What is known of one transfer; what was there before its first number counts as done, but not for the rate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self.done = 0
        self.total = 0

    def moved(self, done: int, total: int) -> None:
        """So many bytes are done; numbers from several threads may come in another order."""
        self.total, self.done = total, max(done, self.done)
        now = self._clock()
        if not self._seen or now - self._seen[-1][0] >= 0.2:
            self._seen.append((now, self.done))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """Bytes a second, 0 where nothing has moved yet, or for too short a time to tell."""
        if not self._seen:
            return 0.0
        began, first = self._seen[0]
        seconds = self._clock() - began
        return (self.done - first) / seconds if seconds >= SHORTEST_S else 0.0

    def text(self) -> str:
        """Everything in a few words, as `62 % of 15.0 GB, 85.1 MB/s, 67 s left`."""
        share = 100 * self.done // self.total if self.total else 100
        words = [f"{share} % of {size_text(self.total)}"]
        if rate := self.rate:
            words.append(f"{size_text(rate)}/s")
            if self.done < self.total:
                words.append(f"{duration_text((self.total - self.done) / rate)} left")
        return ", ".join(words)

    def bar(self) -> str:
        """A bar of twenty characters."""
        filled = BAR_WIDTH * self.done // self.total if self.total else BAR_WIDTH
        return "━" * filled + "─" * (BAR_WIDTH - filled)


def size_text(size: float) -> str:
    """A number of bytes in the unit that suits it, as `15.0 GB`."""
    unit = 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit > 1 else f"{size:.0f} {UNITS[unit]}"


def duration_text(seconds: float) -> str:
    """A duration in one or two units, as `67 s`, `12 min` or `1 h 20 min`."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
