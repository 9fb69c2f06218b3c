"""Calls in daemon threads: on Ctrl-C the program ends without waiting for their requests."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
POLL = 0.2  # seconds; on some platforms Ctrl-C cannot interrupt a wait without a timeout


class Task:
    """A call that runs in a daemon thread; when it ends, the task is put into the queue `done`, if there is one."""

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
        except BaseException as error:  # `result` raises it
            self.error = error
        if self._done is not None:
            self._done.put(self)

    def result(self) -> Any:
        """Wait for the call to end; return its value or raise its error."""
        while self.thread.is_alive():
            self.thread.join(POLL)
        if self.error is not None:
            raise self.error
        return self.value


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run the calls in parallel; return their values in the order of the calls, or raise the first error."""
    tasks = [Task(call) for call in calls]
    return [task.result() for task in tasks]
