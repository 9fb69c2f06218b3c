"""A lease, stored in the workspace, lets one command at a time change a stack; others wait and say for whom.

Resource Manager has no locks and online endpoints have no ETags, so this is Fischer's algorithm: see that nobody holds
the lease, write one's own, wait longer than a write takes, and hold it only if it is still one's own. The lease is
stored in the tags of an empty code container: whoever may run `up` may write one, the write returns at once, and an
empty container is shown nowhere. The lease names its holder and expires, so a killed `up` keeps others waiting for at
most `LIFETIME` seconds, and on the same machine not at all. Its limit: if a write takes longer than `SETTLE`, two
commands may hold it; Azure's own lock of the endpoint then ends one of them with `OperationCanceled`, and running `up`
again finishes the work.
"""

import getpass
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.parallel import Task
from infra.resources.base import OWNER_TAG

LIFETIME, RENEWED_EVERY = 90.0, 20.0  # seconds
LATE = 2.0  # seconds after which no write of another process can still arrive
SETTLE, SETTLE_LOCAL = 2.0, 0.2
RETRY_EVERY, RETRY_EVERY_LOCAL = 3.0, 0.2
ENDED = "ZX"  # states of a process that has ended but has not been reaped by its parent
Tags = dict[str, str]
T = TypeVar("T")


class Until(Struct, frozen=True):
    """One moment on two clocks: the wall clock, which may be set, and the monotonic one, which may sleep."""

    utc: datetime
    time: float


@contextmanager
def hold_lease(cloud: Cloud, read: Callable[[], T], checks: Task | None = None) -> Iterator[T]:
    """Wait until nobody else changes the stack, then hold its lease until the block ends; yields what `read` returns.

    `read` starts once the others have finished, while this one still waits for its lease to be certain. An error of
    `checks`, a task that is already running, is raised as soon as it is known, and then the lease is not held.
    """
    lease = _Lease(cloud)
    checks = checks or Task(lambda: None)
    try:
        reading = lease.acquire(read, checks)
    except GateliftError as error:
        if error.code == "no_connection":
            raise
        lease.release()
        if error is checks.error:
            raise
        checks.result()
        cloud.reporter.note(f"cannot tell whether another command is changing {cloud.stack}: {error}")
        yield read()
        return
    except BaseException:
        lease.release()
        raise
    released = threading.Event()
    renewal = Task(lambda: lease.renew(released))
    try:
        yield reading.result()
    finally:
        released.set()
        renewal.thread.join(1.0)
        lease.release()


def clear_abandoned(reading: Cloud, cloud: Cloud) -> None:
    """Delete the lease of a process that was killed; for a command that changes nothing and so takes no lease itself.

    `reading` may answer from what was read earlier; `cloud` then asks again before anything is deleted.
    """
    with suppress(GateliftError):  # then it expires on its own
        for source in (reading, cloud):  # another command may have taken it since the first read
            tags = _read(source)
            if tags is None or not _has_expired(source, tags):
                return
        cloud.management.delete(_id(cloud))


def begin_reading(reading: Cloud) -> None:
    """Begin to read the lease in the background."""
    Task(lambda: _read(reading))


class _Lease:
    """This process's lease: written, renewed and deleted."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._me = secrets.token_hex(8)
        self._until: Until | None = None
        self._safe = False
        """Whether a second look has shown that no late write of another process took the lease."""

    def acquire(self, read: Callable[[], T], checks: Task) -> Task:
        """Wait for the lease and take it; returns `read` as a task that started when the others had finished."""
        cloud, reported = self._cloud, ""
        while True:
            tags = _read(cloud)
            if tags is not None and not _has_expired(cloud, tags):
                if reported != tags["holder"]:
                    who = tags.get("who", "somebody")
                    cloud.reporter.note(f"waiting for {who}, who is changing {cloud.stack}")
                reported = tags["holder"]
                checks.result()
                cloud.clock.sleep(RETRY_EVERY_LOCAL if cloud.local else RETRY_EVERY)
                continue
            self._write()
            written = cloud.clock.now()
            reading = Task(read)  # another process that writes from now on gets the lease only if this one does not
            checks.result()
            cloud.clock.sleep(max(0.0, written + (SETTLE_LOCAL if cloud.local else SETTLE) - cloud.clock.now()))
            if self._is_mine():
                return reading

    def renew(self, released: threading.Event) -> None:
        """Check once for a late write of another process, then renew the lease until it is released or lost."""
        pause = LATE
        while not released.wait(pause):
            with suppress(GateliftError):  # the next time is early enough: a lease outlasts two failed renewals
                tags = _read(self._cloud)
                self._safe = tags is not None and tags["holder"] == self._me
                if tags is not None and not self._safe:
                    return
                if pause == RENEWED_EVERY or tags is None:
                    self._write()
            pause = RENEWED_EVERY

    def release(self) -> None:
        """Delete the lease, if it is still this process's."""
        with suppress(GateliftError):  # then it expires on its own
            if self._is_mine():
                self._cloud.management.delete(_id(self._cloud))

    def _is_mine(self) -> bool:
        """Whether this process holds the lease; in the first half of its lifetime no request is needed to know."""
        clock, until = self._cloud.clock, self._until
        if self._safe and until and clock.utc() < until.utc and clock.now() < until.time:
            return True
        return (_read(self._cloud) or {}).get("holder") == self._me

    def _write(self) -> None:
        now, half = self._cloud.clock.utc(), LIFETIME / 2
        self._until = Until(now + timedelta(seconds=half), self._cloud.clock.now() + half)
        tags = {
            OWNER_TAG: f"{self._cloud.stack}@lease",
            "holder": self._me,
            "who": f"{_user()} on {socket.gethostname()} (process {os.getpid()})",
            "machine": _machine(),
            "process": _process(os.getpid()),
            "until": (now + timedelta(seconds=LIFETIME)).isoformat(),
        }
        self._cloud.management.put(_id(self._cloud), {"properties": {"tags": tags}})


def _read(cloud: Cloud) -> Tags | None:
    document = cloud.management.get(_id(cloud))
    tags = (document or {}).get("properties", {}).get("tags") or {}
    return {name: str(value) for name, value in tags.items()} if tags.get("holder") else None


def _has_expired(cloud: Cloud, tags: Tags) -> bool:
    """Whether the lease's time is up, or its process ran on this machine and has ended."""
    try:
        if datetime.fromisoformat(tags.get("until", "")) < cloud.clock.utc():
            return True
    except ValueError:
        return True
    number = tags.get("process", "").partition("@")[0]
    return tags.get("machine") == _machine() and number.isdigit() and _process(int(number)) != tags["process"]


def _id(cloud: Cloud) -> str:
    return f"{cloud.workspace.id}/codes/gatelift-lease-{cloud.stack}"


def _machine() -> str:
    """This machine, its boot and its process namespace: only within these does a process number name one process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        boot = space = ""
    return f"{socket.gethostname()} {boot} {space}"


def _process(number: int) -> str:
    """A process as `NUMBER@START`, since numbers are used again; empty where no such process runs."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = stat.rpartition(")")[2].split()
        return "" if state in ENDED else f"{number}@{rest[18]}"
    except OSError:
        pass
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return ""
    except OSError:  # another user's process
        return f"{number}@"
    return f"{number}@"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
