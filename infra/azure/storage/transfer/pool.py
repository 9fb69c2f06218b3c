"""Runs the parts of several files in a few threads, file after file, until all are done or one has failed."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from infra.azure.cloud import Progress
from infra.errors import NotReady
from infra.parallel import POLL, Task, together

GRACE_S = 5.0  # for the others to end once one has failed
Part = Callable[[], None]


class Job(Protocol):
    """One file on its way."""

    def parts(self) -> Sequence[Part]:
        """What there is to do, each part on its own; an early part never waits for a later one."""

    def finish(self) -> None:
        """Is called once all parts are done."""


class Stopped(Exception):
    """Another part has failed."""


class Count:
    """Adds up the bytes that are done."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._lock = threading.Lock()
        self._done = 0

    def add(self, size: int) -> None:
        """So many bytes more are done."""
        with self._lock:
            self._done += size
            done = self._done
        self._progress(done, self._total)


class Pool:
    """A few threads; `stop` is set once one of them has failed."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []
        self._left: dict[int, int] = {}

    def run(self, jobs: Sequence[Job]) -> None:
        """Do everything; raises the first error."""
        found = self._prepared(jobs)
        self._left = {index: len(parts) for index, parts in enumerate(found)}
        work = ((index, part) for index, parts in enumerate(found) for part in (parts or [_nothing]))
        done: queue.SimpleQueue[Task] = queue.SimpleQueue()
        tasks = [Task(lambda: self._work(work, jobs), done) for _ in range(self._threads)]
        self._wait(tasks)
        if self._errors:
            raise self._errors[0]
        if self.stop.is_set():
            hint = "run the command again: what has arrived stays"
            raise NotReady("files that had just arrived were removed by somebody else", hint=hint, code="files_removed")

    def _prepared(self, jobs: Sequence[Job]) -> list[Sequence[Part]]:
        """The parts of each job, which are asked for in parallel: that is a request for each."""
        found: list[Sequence[Part]] = []
        for start in range(0, len(jobs), self._threads):
            found += together([job.parts for job in jobs[start : start + self._threads]])
        return found

    def _work(self, work: Iterator[tuple[int, Part]], jobs: Sequence[Job]) -> None:
        while not self.stop.is_set():
            with self._lock:
                index, part = next(work, (-1, _nothing))
            if index < 0:
                return
            try:
                part()
                with self._lock:
                    self._left[index] -= 1
                    last = self._left[index] <= 0
                if last:
                    jobs[index].finish()
            except BaseException as error:  # the caller raises it
                if not isinstance(error, Stopped):
                    self._errors.append(error)
                self.stop.set()

    def _wait(self, tasks: list[Task]) -> None:
        """Wait for the threads; after a failure not for long, since what they send is of no use any more."""
        until = float("inf")
        while any(task.thread.is_alive() for task in tasks) and time.monotonic() < until:
            if self.stop.wait(0) and until == float("inf"):
                until = time.monotonic() + GRACE_S
            next(task for task in tasks if task.thread.is_alive() or task is tasks[-1]).thread.join(POLL)


def _nothing() -> None:
    return
