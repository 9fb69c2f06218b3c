"""Holds a stack's lock around a change of the stack; `infra.azure.locks.leases` says what a lock is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from infra.azure.cloud import Cloud
from infra.parallel import Task

T = TypeVar("T")


@contextmanager
def hold_lease(cloud: Cloud, command: str, read: Callable[[], T], checks: Task | None = None) -> Iterator[T]:
    """Wait until nobody else changes the stack, then hold its lock until the block ends; yields what `read` returns.

    `command` is what others are told. An error of `checks`, a task that is already running, is raised as soon as it is
    known while waiting, and before the block begins. Raises `NotReady` or `AccessDenied` where the lock cannot be
    taken: then nothing was changed.
    """
    checks = checks or Task(lambda: None)
    with cloud.locks.stack(cloud.stack, command, checks.result):
        found = read()
        checks.result()
        yield found
