"""A file that is not complete yet: written as it comes, hashed on the way, continued after a break."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

READ_BYTES = 1024 * 1024
GIT_HASH_LENGTH = 40


class PartFile:
    """The beginning of the content that `blob` is to have: its name is the content's hash."""

    def __init__(self, blob: Path, size: int) -> None:
        self._blob = blob
        self._wanted = size
        self._file: IO[bytes] | None = None
        self._digest = _digest(blob.name, size)
        self.path = part_of(blob)
        self.size = 0

    def open(self, advanced: Callable[[], None]) -> None:
        """Open it, and hash what an earlier run has left; another process that writes it gets out of the way."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            self.path = self.path.with_name(f"{self._blob.name}.{uuid.uuid4().hex[:8]}.incomplete")
            self._file = self.path.open("a+b")
        if self.path.stat().st_size > self._wanted:
            self._file.truncate(0)
        self._file.seek(0)
        while piece := self._file.read(READ_BYTES):
            self._count(piece)
            advanced()

    def write(self, piece: bytes) -> None:
        """Append what has come."""
        assert self._file is not None  # noqa: S101  it was opened
        self._file.write(piece)
        self._file.flush()
        self._count(piece)

    def is_right(self) -> bool:
        """Whether the content is the one that the hash names."""
        return self.size == self._wanted and self._digest.hexdigest() == self._blob.name

    @property
    def digest(self) -> str:
        """The hash of what is there."""
        return str(self._digest.hexdigest())

    def keep(self) -> None:
        """Give the complete file its name."""
        self.path.replace(self._blob)

    def discard(self) -> None:
        """Throw it away."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it; what is there stays."""
        if self._file:
            self._file.close()

    def _count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)


def part_of(blob: Path) -> Path:
    """Where the beginning of a blob is."""
    return blob.with_name(f"{blob.name}.incomplete")


def begun(blob: Path) -> int:
    """How many bytes an earlier run has left."""
    try:
        return os.stat(part_of(blob)).st_size
    except OSError:
        return 0


def _digest(name: str, size: int) -> Any:
    """Git hashes a file with its size in front; large file storage hashes the content alone."""
    if len(name) == GIT_HASH_LENGTH:
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.sha256()
