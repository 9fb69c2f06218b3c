"""Locks: who may change a stack, or what the stacks of a workspace share, while others wait.

A lock is the lease of an empty blob in the workspace's own container, by the clock of the storage service: the clocks
of the machines do not matter. A lease lasts a minute and is renewed three times in it, so a killed command keeps others
waiting for a minute at most. The blob's metadata says who holds it; it is deleted with the lock, and nothing else is
ever read from it, so it is no state.
"""

import getpass
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol
from urllib.parse import quote, unquote

from msgspec import Struct

from infra.azure.diagnosis.storage import read_storage_error
from infra.clock import Clock
from infra.errors import GateliftError, NotReady, Refused
from infra.http_client import Answer
from infra.parallel import Task
from infra.reporter import Reporter

SHARED = "shared"
LIFETIME, RENEWED_EVERY, RETRIED_EVERY = 60, 20.0, 5.0  # seconds
FRESH = 1.0  # seconds after a renewal in which nobody is asked whether the lease is still there
RETRY_PAUSE, RETRY_PAUSE_LOCAL = 3.0, 0.2
METADATA = "x-ms-meta-"
RUN_AGAIN = "run the command again: it continues where this one ended"


class Blobs(Protocol):
    """Requests to the blobs of locks, as `infra.azure.storage.lock_blobs.LockBlobs` documents them."""

    def send(self, method: str, name: str, headers: dict[str, str], *, query: str = ...) -> Answer: ...


class Holder(Struct, frozen=True):
    """Who holds a lock: the person, the machine and process, the command, and since when by the service's clock."""

    who: str
    where: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"{self.who} on {self.where}, who runs `gatelift {self.command}` since {self.since}"


class Attempt:
    """What happens around each try to take a lock; here nothing."""

    def begun(self) -> None:
        """The lock's blob has just been made: if this try succeeds, nobody has held the lock from now on."""

    def failed(self) -> None:
        """Somebody else has the lock; another try follows, unless this raises."""


class Locks:
    """The locks of one workspace as one command uses them; safe to use from many threads."""

    def __init__(self, blobs: Blobs, clock: Clock, reporter: Reporter, *, local: bool, longest: float) -> None:
        self._blobs = blobs
        self._clock = clock
        self._reporter = reporter
        self._pause = RETRY_PAUSE_LOCAL if local else RETRY_PAUSE
        self.longest = longest
        """How many seconds to wait for a lock, of ours or of Azure's own."""
        self.off = False
        """Whether the person wants no locks at all."""
        self._held: list[_Lock] = []
        self._shared: _Lock | None = None
        self._users = 0
        self._entering = threading.Lock()
        self._command = self._stack = ""

    @contextmanager
    def stack(self, name: str, command: str, attempt: "Attempt | None" = None) -> Iterator[None]:
        """Hold the lock of a stack; `attempt` takes part in each try."""
        self._command, self._stack = command, name
        if self.off:
            self._reporter.note("no lock is taken: nothing keeps others from changing the same things at the same time")
            yield
            return
        lock = self._take(f"stack-{name}", f"the stack {name}", attempt or Attempt())
        try:
            yield
        finally:
            self._give_back(lock)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock of what the stacks of the workspace share; threads of one command hold it together.

        It is meant for the time in which something shared is read and then written or deleted; all stacks wait for it.
        """
        if self.off:
            yield
            return
        with self._entering:
            if not self._users:
                self._shared = self._take(SHARED, "what the stacks of this workspace share", Attempt())
            self._users += 1
        try:
            yield
        finally:
            with self._entering:
                self._users -= 1
                if not self._users and self._shared:
                    self._give_back(self._shared)

    def check(self) -> None:
        """Raise `Refused` where a lock that this command took is no longer its own."""
        for lock in list(self._held):
            lock.check()

    @property
    def orders(self) -> bool:
        """Whether this command holds the lock of what is shared."""
        return self._users > 0

    def is_running(self, stack: str, command: str) -> bool:
        """Whether somebody holds the lock of a stack for this command."""
        holder = self._holder(f"stack-{stack}")
        return holder is not None and holder.command == command

    def holders(self, stack: str) -> dict[str, Holder]:
        """Who holds the lock of the stack and that of what is shared, by the names of the locks."""
        found = {name: self._holder(name) for name in (f"stack-{stack}", SHARED)}
        return {name: holder for name, holder in found.items() if holder}

    def break_lock(self, name: str) -> None:
        """End somebody's lock at once; the command that holds it stops before its next step."""
        answer = self._blobs.send(
            "PUT", name, {"x-ms-lease-action": "break", "x-ms-lease-break-period": "0"}, query="comp=lease"
        )
        if answer.status not in (202, 404) and read_storage_error(answer)[0] != "LeaseNotPresentWithLeaseOperation":
            raise _unusable(answer)
        self._blobs.send("DELETE", name, {})  # whoever takes it now makes it anew

    def _take(self, name: str, what: str, attempt: "Attempt") -> "_Lock":
        """Wait for a lock and take it, `NotReady` after `longest` seconds."""
        lock = _Lock(self._blobs, self._clock, name, what)
        about = _about(self._command, self._stack)
        deadline, told = self._clock.now() + self.longest, ""
        while not lock.acquire(about, attempt.begun):
            holder = self._holder(name)
            if holder is not None and told != str(holder):
                told = str(holder)
                left = max(0.0, deadline - self._clock.now())
                self._reporter.note(f"{what} is locked by {told}: waiting, at most {left:.0f} s")
            attempt.failed()
            if self._clock.now() >= deadline:
                message = f"{what} is locked by {told or 'somebody'}, still after {self.longest:.0f} s"
                hint = (
                    "wait until that command has ended; `gatelift unlock` ends its lock if it hangs; "
                    "GATELIFT_LOCK_TIMEOUT sets how many seconds to wait"
                )
                raise NotReady(message, hint=hint, code="locked")
            self._clock.sleep(self._pause)
        self._held.append(lock)
        lock.keep()
        return lock

    def _give_back(self, lock: "_Lock") -> None:
        self._held.remove(lock)
        lock.release()

    def _holder(self, name: str) -> Holder | None:
        """Who holds a lock now; None where nobody does."""
        answer = self._blobs.send("HEAD", name, {})
        if answer.status == 404 or answer.headers.get("x-ms-lease-status") != "locked":
            return None
        if answer.status != 200:
            raise _unusable(answer)

        def said(key: str) -> str:
            return unquote(answer.headers.get(METADATA + key) or "") or "somebody"

        return Holder(said("who"), said("where"), said("command"), answer.headers.get("last-modified") or "")


class _Lock:
    """One lease of this process: acquired, renewed by a thread, released."""

    def __init__(self, blobs: Blobs, clock: Clock, name: str, what: str) -> None:
        self._blobs, self._clock, self._name, self._what = blobs, clock, name, what
        self._id = str(uuid.uuid4())
        self._renewed = 0.0, 0.0
        self._lost = ""
        self._released = threading.Event()
        self._renewing = threading.Lock()

    def acquire(self, about: dict[str, str], begun: Callable[[], None]) -> bool:
        """Try to take the lease; False while somebody else has it.

        Whoever gives a lease back deletes its blob. So if the blob was made here and the lease is then taken, nobody
        has held it in between, and what is read from then on (`begun`) is still true.
        """
        made = self._blobs.send("PUT", self._name, {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*", **about})
        if made.status not in (201, 409, 412):  # the last two: the blob exists
            raise _unusable(made)
        if made.status == 201:
            begun()
        began = self._now()
        answer = self._lease("acquire", {"x-ms-lease-duration": str(LIFETIME), "x-ms-proposed-lease-id": self._id})
        if answer.status in (404, 409, 412):  # 404: the holder deleted the blob just now
            return False
        if answer.status != 201:
            raise _unusable(answer)
        self._renewed = began
        if made.status != 201:  # the blob of a command that was killed
            told = self._blobs.send("PUT", self._name, {"x-ms-lease-id": self._id, **about}, query="comp=metadata")
            return told.status == 200
        return True

    def keep(self) -> None:
        """Renew the lease in the background until it is released or lost."""
        Task(self._keep)

    def check(self) -> None:
        """Raise `Refused` where the lease was lost; asks the service unless it was renewed just now."""
        if not self._lost and self._age() >= FRESH:
            try:
                self._renew()
            except GateliftError as error:
                if self._age() >= LIFETIME:
                    self._lost = f"it could not be renewed: {error}"
        if self._lost:
            message = f"the lock of {self._what} was lost ({self._lost}), so nothing more is changed"
            raise Refused(message, hint=RUN_AGAIN, code="lock_lost")

    def release(self) -> None:
        """Delete the blob, and the lease with it, if it is still this command's."""
        self._released.set()
        with suppress(GateliftError):  # then it expires within a minute
            self._blobs.send("DELETE", self._name, {"x-ms-lease-id": self._id})

    def _keep(self) -> None:
        pause = RENEWED_EVERY
        while not self._released.wait(pause) and not self._lost:
            pause = RENEWED_EVERY
            try:
                self._renew()
            except GateliftError:  # `check` decides once the lease's time is over
                pause = RETRIED_EVERY

    def _renew(self) -> None:
        with self._renewing:
            began = self._now()
            answer = self._lease("renew")
            if answer.status == 200:
                self._renewed = began
            elif answer.status in (404, 409, 412):
                if self._released.is_set():  # given back by another thread while this one asked
                    return
                broken = read_storage_error(answer)[0] == "LeaseIsBrokenAndCannotBeRenewed"
                self._lost = self._lost or (
                    "somebody broke it" if broken or answer.status == 404 else "another command has it"
                )
            else:
                raise _unusable(answer)

    def _lease(self, action: str, headers: dict[str, str] | None = None) -> Answer:
        headers = headers or {"x-ms-lease-id": self._id}
        return self._blobs.send("PUT", self._name, {"x-ms-lease-action": action, **headers}, query="comp=lease")

    def _now(self) -> tuple[float, float]:
        """Now on two clocks: the wall clock, which may be set, and the monotonic one, which may sleep."""
        return self._clock.now(), self._clock.utc().timestamp()

    def _age(self) -> float:
        return max(now - then for now, then in zip(self._now(), self._renewed, strict=True))


def _about(command: str, stack: str) -> dict[str, str]:
    """The metadata that says who holds a lock; quoted, since headers are ASCII."""
    where = f"{socket.gethostname()} (process {os.getpid()}, stack {stack})"
    known = {"who": _user(), "where": where, "command": command}
    return {f"{METADATA}{key}": quote(value, safe=" ()@.-") for key, value in known.items()}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _unusable(answer: Answer) -> GateliftError:
    code, message = read_storage_error(answer)
    hint = "nothing was changed; `--no-lock` goes on without a lock, which is dangerous where others may work, too"
    return NotReady(f"the workspace's storage account refuses to lock: {message}", hint=hint, code=code)
