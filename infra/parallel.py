"""Threads that never keep the program from ending: Ctrl-C must not wait for a request in flight."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
POLL = 0.2  # a wait without an end cannot be interrupted on every platform


class Task:
    """A call that runs in a daemon thread."""

    def __init__(self, call: Callable[[], Any], done: "queue.SimpleQueue[Any] | None" = None) -> None:
        self._call = call
        self._done = done
        self.value: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.value = self._call()
        except BaseException as error:  # it is raised where the result is asked for
            self.error = error
        if self._done is not None:
            self._done.put(self)

    def result(self) -> Any:
        """Wait for the call and return its value, or raise what it raised."""
        while self.thread.is_alive():
            self.thread.join(POLL)
        if self.error is not None:
            raise self.error
        return self.value


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run the calls side by side; their values in order, or the first error."""
    tasks = [Task(call) for call in calls]
    return [task.result() for task in tasks]
