"""One change of a stack at a time: who works on it says so in the workspace, the next one waits and says for whom.

Resource Manager has no locks and the online endpoints no ETags, so this is Fischer's algorithm over what there is: read
that nobody holds it, write one's own mark, wait longer than a write takes, and hold it only if the mark is still one's
own. The mark is the tags of an empty code container, which every `up` may write, which answers at once and which shows
nowhere. It names its holder and ends by itself, so a killed `up` keeps nobody waiting for long, and on the same machine
nobody at all. Its limit: a write that takes longer than `SETTLE` lets two pass; then Azure's own lock of the endpoint
ends one of them with `OperationCanceled`, and `up` again converges.
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
from typing import NamedTuple, TypeVar

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.parallel import Task
from infra.resources.base import OWNER_TAG

LIFE, RENEWED_EVERY = 90.0, 20.0
LATE = 2.0  # after this long nobody's write is still on its way
SETTLE, SETTLE_LOCAL = 2.0, 0.2
LOOK_AGAIN, LOOK_AGAIN_LOCAL = 3.0, 0.2
ENDED = "ZX"  # a killed process stays in the list as long as its parent does not ask for it
Mark = dict[str, str]
T = TypeVar("T")


class Until(NamedTuple):
    """A time by two clocks."""

    utc: datetime
    time: float


@contextmanager
def held(cloud: Cloud, look: Callable[[], T], meanwhile: Task | None = None) -> Iterator[T]:
    """Wait until nobody else works on the stack, then hold it until the block ends, which gets what `look` found.

    The waiting serves both: `look` begins when what others did is done, and what `meanwhile` raises is raised as soon
    as it is known; then the stack is not held.
    """
    lease = _Lease(cloud)
    meanwhile = meanwhile or Task(lambda: None)
    try:
        looking = lease.acquire(look, meanwhile)
    except GateliftError as error:
        if error.code == "no_connection":
            raise
        lease.release()
        if error is meanwhile.error:
            raise
        meanwhile.result()
        cloud.reporter.note(f"nobody can tell whether somebody else works on {cloud.stack}: {error}")
        yield look()
        return
    except BaseException:
        lease.release()
        raise
    over = threading.Event()
    renewal = Task(lambda: lease.renew(over))
    try:
        yield looking.result()
    finally:
        over.set()
        renewal.thread.join(1.0)
        lease.release()


def clear_abandoned(reading: Cloud, cloud: Cloud) -> None:
    """Take away the mark of somebody who was killed: where nothing is left to do, nobody else would."""
    with suppress(GateliftError):  # then it ends by itself
        for look in (reading, cloud):  # what was read a while ago may be somebody else's by now
            mark = _read(look)
            if mark is None or not _is_over(look, mark):
                return
        cloud.management.delete(_id(cloud))


def begin_reading(reading: Cloud) -> None:
    """Ask for the mark while other things are asked for."""
    Task(lambda: _read(reading))


class _Lease:
    """One's own mark: how it comes, stays and goes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._me = secrets.token_hex(8)
        self._until: Until | None = None
        self._safe = False
        """Whether nobody takes it over before that time: nobody who wrote late did."""

    def acquire(self, look: Callable[[], T], meanwhile: Task) -> Task:
        """Come to hold it; what `look` finds from then on."""
        cloud, told = self._cloud, ""
        while True:
            mark = _read(cloud)
            if mark is not None and not _is_over(cloud, mark):
                if told != mark["holder"]:
                    who = mark.get("who", "somebody")
                    cloud.reporter.note(f"{who} works on {cloud.stack}: waiting for that to end")
                told = mark["holder"]
                meanwhile.result()
                cloud.clock.sleep(LOOK_AGAIN_LOCAL if cloud.local else LOOK_AGAIN)
                continue
            self._write()
            written = cloud.clock.now()
            looking = Task(look)  # whoever writes from now on holds it only if this one does not
            meanwhile.result()
            cloud.clock.sleep(max(0.0, written + (SETTLE_LOCAL if cloud.local else SETTLE) - cloud.clock.now()))
            if self._is_mine():
                return looking

    def renew(self, over: threading.Event) -> None:
        """See whether somebody wrote late, then write it again and again; until it is over or somebody else's."""
        pause = LATE
        while not over.wait(pause):
            with suppress(GateliftError):  # the next time will do: it lives longer than two of them
                mark = _read(self._cloud)
                self._safe = mark is not None and mark["holder"] == self._me
                if mark is not None and not self._safe:
                    return
                if pause == RENEWED_EVERY or mark is None:
                    self._write()
            pause = RENEWED_EVERY

    def release(self) -> None:
        """Take it away, if it is still one's own."""
        with suppress(GateliftError):  # then it ends by itself
            if self._is_mine():
                self._cloud.management.delete(_id(self._cloud))

    def _is_mine(self) -> bool:
        """Whether it is one's own; in the first half of its life that need not be asked."""
        clock, until = self._cloud.clock, self._until
        if self._safe and until and clock.utc() < until.utc and clock.now() < until.time:  # one is set, one may sleep
            return True
        return (_read(self._cloud) or {}).get("holder") == self._me

    def _write(self) -> None:
        now, half = self._cloud.clock.utc(), LIFE / 2
        self._until = Until(now + timedelta(seconds=half), self._cloud.clock.now() + half)
        mark = {
            OWNER_TAG: f"{self._cloud.stack}@lease",
            "holder": self._me,
            "who": f"{_user()} on {socket.gethostname()} (process {os.getpid()})",
            "machine": _machine(),
            "process": _process(os.getpid()),
            "until": (now + timedelta(seconds=LIFE)).isoformat(),
        }
        self._cloud.management.put(_id(self._cloud), {"properties": {"tags": mark}})


def _read(cloud: Cloud) -> Mark | None:
    document = cloud.management.get(_id(cloud))
    tags = (document or {}).get("properties", {}).get("tags") or {}
    return {name: str(value) for name, value in tags.items()} if tags.get("holder") else None


def _is_over(cloud: Cloud, mark: Mark) -> bool:
    """Whether its time is up, or its process, if that ran here, is gone."""
    try:
        if datetime.fromisoformat(mark.get("until", "")) < cloud.clock.utc():
            return True
    except ValueError:
        return True
    number = mark.get("process", "").partition("@")[0]
    return mark.get("machine") == _machine() and number.isdigit() and _process(int(number)) != mark["process"]


def _id(cloud: Cloud) -> str:
    return f"{cloud.workspace.id}/codes/gatelift-lease-{cloud.stack}"


def _machine() -> str:
    """This machine since it was started: process numbers mean nothing beyond."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:  # no Linux
        boot = space = ""
    return f"{socket.gethostname()} {boot} {space}"


def _process(number: int) -> str:
    """A process by number and start, so that a number used again is another one; nothing where there is none."""
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
    except OSError:  # somebody else's
        return f"{number}@"
    return f"{number}@"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
