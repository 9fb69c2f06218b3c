"""Hashes of a file whose blocks arrive in any order."""

import hashlib
import threading

from infra.azure.cloud import SourceFile
from infra.azure.storage.transfer.pool import Stopped

POLL_S = 0.2


class OrderedHash:
    """Hashes blocks in the order of the file; those that come early wait, at most `ahead` of them."""

    def __init__(self, file: SourceFile, ahead: int, stop: threading.Event) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._git_oid = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        self._ahead, self._stop = ahead, stop
        self._turn = threading.Condition()
        self._waiting: dict[int, bytes] = {}
        self._next = 0

    def until_near(self, index: int) -> None:
        """Return once a block of this index may come; raises `Stopped` if another part failed meanwhile."""
        with self._turn:
            while index >= self._next + self._ahead:
                if self._stop.is_set():
                    raise Stopped
                self._turn.wait(POLL_S)

    def add(self, index: int, content: bytes) -> None:
        """Hash a block once it is its turn."""
        with self._turn:
            self._waiting[index] = content
            while (found := self._waiting.pop(self._next, None)) is not None:
                self._sha256.update(found)
                if self._file.git_oid:
                    self._git_oid.update(found)
                self._next += 1
            self._turn.notify_all()

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._sha256.hexdigest()

    @property
    def agrees(self) -> bool:
        """Whether this is what the Hub says of the file, as far as it says anything."""
        if self._file.sha256:
            return self.sha256 == self._file.sha256
        return not self._file.git_oid or self._git_oid.hexdigest() == self._file.git_oid
