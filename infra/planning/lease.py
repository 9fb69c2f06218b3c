"""Holds a stack's lock around a change of the stack; `infra.azure.locks.leases` says what a lock is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from infra.azure.cloud import Cloud
from infra.azure.locks.leases import Attempt
from infra.parallel import Task

T = TypeVar("T")


@contextmanager
def hold_lease(cloud: Cloud, command: str, read: Callable[[], T], checks: Task | None = None) -> Iterator[T]:
    """Wait until nobody else changes the stack, then hold its lock until the block ends; yields what `read` returns.

    `command` is what others are told. An error of `checks`, a task that is already running, is raised as soon as it is
    known while waiting, and before the block begins. Raises `NotReady` or `AccessDenied` where the lock cannot be
    taken: then nothing was changed.
    """
    reading = _Reading(read, checks or Task(lambda: None))
    with cloud.locks.stack(cloud.stack, command, reading):
        found = reading.result()
        reading.checks.result()
        yield found


class _Reading(Attempt):
    """Reads as early as a try to take the lock allows."""

    def __init__(self, read: Callable[[], Any], checks: Task) -> None:
        self._read = read
        self._task: Task | None = None
        self.checks = checks

    def begun(self) -> None:
        """Begin to read."""
        self._task = Task(self._read)

    def failed(self) -> None:
        """Forget what was read; raises the error of the checks, if they have one."""
        self._task = None
        self.checks.result()

    def result(self) -> Any:
        """What was read under the lock."""
        return self._task.result() if self._task else self._read()
