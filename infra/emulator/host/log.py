"""The log of one container: a private file of bounded size, with the container's secrets masked."""

import asyncio
import os
from collections.abc import Collection
from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
MASK = b"***"


class ContainerLog:
    """Appends lines to `path` (0600); above `limit` bytes the older half is dropped."""

    def __init__(self, path: Path, *, secrets: Collection[str] = (), limit: int = LIMIT_BYTES) -> None:
        self.path = path
        self._limit = limit
        # Longest first, so that a secret which contains another one is masked whole.
        self._secrets = sorted((secret.encode() for secret in secrets if secret), key=len, reverse=True)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600), "ab", buffering=0)
        self._size = path.stat().st_size

    def note(self, text: str) -> None:
        """Append a line of the emulator itself, marked by a prefix."""
        self.write(f"[emulator] {text}".encode())

    def write(self, line: bytes) -> None:
        """Append one line; ignored once the log is closed, since a container that is being stopped may still print."""
        if self._file.closed:
            return
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        self._size += self._file.write(line.rstrip(b"\r\n") + b"\n")
        if self._size > self._limit:
            self._drop_older_half()

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Append the lines of a stream until it ends."""
        rest = b""
        while chunk := await stream.read(MAX_LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.write(line)
            if len(rest) > MAX_LINE_BYTES:
                self.write(rest)
                rest = b""
        if rest:
            self.write(rest)

    def tail(self, lines: int) -> str:
        """The last lines, as text."""
        return tail_of(self.path, lines)

    def close(self) -> None:
        """Close the file, which is kept."""
        self._file.close()

    def _drop_older_half(self) -> None:
        kept = self.path.read_bytes()[-self._limit // 2 :].partition(b"\n")[2]
        self._file.truncate(0)
        self._size = self._file.write(b"[emulator] older lines were dropped\n" + kept)


def tail_of(path: Path, lines: int) -> str:
    """The last `lines` lines of a file, empty where there is no such file."""
    if lines <= 0 or not path.is_file():
        return ""
    return "\n".join(path.read_bytes().decode(errors="replace").splitlines()[-lines:])
