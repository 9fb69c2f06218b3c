"""Asks many questions at a rate or so many at a time, from threads, and notes whether this machine kept up."""

import math
import queue
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from infra.load.arrivals import arrivals
from infra.load.ask import Question, Sample

MOST_STREAMS = 1024
"""At a time; more threads would measure themselves."""
LATE_SECONDS = 0.02
BUSY_SHARE = 0.7

Ask = Callable[[Question], Sample]
Choose = Callable[[int], Question]
"""The question by its number in the run."""


class Pace(Struct, frozen=True):
    """How requests are sent: `rate` a second (`inf`: at once), at most `concurrency` at a time, and how many.

    Without `requests` they are sent for `seconds`.
    """

    rate: float = math.inf
    concurrency: int | None = None
    requests: int | None = None
    seconds: float | None = None
    burstiness: float = 1.0
    seed: int = 0

    @property
    def count(self) -> int | None:
        """How many requests this sends; None where that depends on the server."""
        if self.requests is not None:
            return self.requests
        return None if math.isinf(self.rate) else max(1, round(self.rate * (self.seconds or 0)))

    @property
    def lasts(self) -> float | None:
        """The seconds for which requests are sent; None where that depends on the server."""
        if self.requests is None:
            return self.seconds
        return None if math.isinf(self.rate) else self.requests / self.rate

    def __str__(self) -> str:
        if math.isinf(self.rate):
            return f"{self.concurrency} at a time" if self.concurrency else "all at once"
        return f"{self.rate:g}/s, at most {self.concurrency}" if self.concurrency else f"{self.rate:g}/s"


class Run(Struct, frozen=True):
    """What a run at one pace brought."""

    pace: Pace
    samples: tuple[Sample, ...]
    waits: tuple[float, ...]
    """Seconds by which each request was sent later than planned: it waited for a free place, or for this machine."""
    seconds: float
    """From the first request to the end of the last."""
    cpu: float
    """Share of one core that this process took."""

    @property
    def late(self) -> float:
        """Seconds by which this machine, not a limit that was asked for, held back the slowest 1 % of the requests."""
        if self.pace.concurrency or not self.waits:
            return 0.0
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]

    @property
    def strained(self) -> bool:
        """Whether this machine may have been what was slow, so that the numbers say less about the endpoint."""
        return self.cpu > BUSY_SHARE or self.late > LATE_SECONDS


def run(ask: Ask, choose: Choose, pace: Pace) -> Run:
    """Send every request of a pace and wait for all answers."""
    crew = _Crew(ask, choose, pace.concurrency or MOST_STREAMS)
    cpu, began = time.process_time(), time.perf_counter()
    if pace.count is None:
        crew.keep_busy(began + (pace.seconds or 0))
    else:
        for number, after in enumerate(arrivals(pace.count, pace.rate, pace.burstiness, pace.seed)):
            if (left := began + after - time.perf_counter()) > 0:
                time.sleep(left)
            crew.send(number, began + after)
    done = crew.finish()
    seconds = time.perf_counter() - began
    samples = tuple(sample for _, _, sample in done)
    waits = tuple(max(0.0, sample.began - planned) for _, planned, sample in done)
    return Run(pace, samples, waits, seconds, (time.process_time() - cpu) / seconds)


class _Crew:
    """Threads that ask: a new one for a request that would have to wait, until there are `most`."""

    def __init__(self, ask: Ask, choose: Choose, most: int) -> None:
        self._ask, self._choose, self._most = ask, choose, most
        self._waiting: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
        self._done: list[tuple[int, float, Sample]] = []
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._broken: BaseException | None = None
        self._lock = threading.Lock()

    def send(self, number: int, planned: float) -> None:
        """Let a free thread send this request, a new one, or the first that becomes free."""
        with self._lock:
            self._free -= 1
            short = self._free < 0 and len(self._threads) < self._most
        self._waiting.put((number, planned))
        if short:
            self._start(self._work)

    def keep_busy(self, until: float) -> None:
        """Let every thread send one request after the other until this time."""
        numbers = iter(range(10**9))

        def work() -> None:
            while (now := time.perf_counter()) < until:
                with self._lock:
                    number = next(numbers)
                self._one(number, now)

        for _ in range(self._most):
            self._start(work)

    def finish(self) -> list[tuple[int, float, Sample]]:
        """Wait for all answers; returned in the order of the requests."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)  # with a limit, so that Ctrl-C gets through
        if self._broken is not None:
            raise self._broken
        return sorted(self._done, key=lambda each: each[0])

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        with self._lock:
            self._free += 1
        thread.start()

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            self._one(*task)
            with self._lock:
                self._free += 1

    def _one(self, number: int, planned: float) -> None:
        try:
            self._done.append((number, planned, self._ask(self._choose(number))))
        except BaseException as error:  # a mistake of ours, since a sample tells of the server's
            self._broken = error
