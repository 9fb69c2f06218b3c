"""The SHA-256 of a model's files, computed once: 15 GB take half a minute, which no `plan` should take twice."""

import hashlib
import json
import os
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from infra.azure.cloud import Progress, SourceFile, no_progress
from infra.errors import GateliftError
from infra.parallel import together

CHUNK = 4 << 20
THREADS = 4
SETTLED_S = 0.1  # a file that changed so shortly ago may change again without another time stamp
REMEMBERED = "hashes.json"
MOST_REMEMBERED = 20_000


def hashes(files: Sequence[SourceFile], cache: Path, progress: Progress = no_progress) -> list[SourceFile]:
    """The files with size, SHA-256 and state, in their order; raises `GateliftError` for one that cannot be read.

    `cache` is a folder in which hashes are remembered by path, size, time of the last change and inode.
    """
    remembered = _Remembered(cache / REMEMBERED)
    count = _Count(sum(file.size for file in files), progress)
    found = in_threads([partial(_hashed, file, remembered, count) for file in files])
    remembered.keep()
    return found


def in_threads(calls: Sequence[Callable[[], SourceFile]], threads: int = THREADS) -> list[SourceFile]:
    """The values of the calls, a few of which run at once."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    values: dict[int, SourceFile] = {}
    for index in range(len(calls)):
        waiting.put(index)

    def work() -> None:
        with suppress(queue.Empty):
            while True:
                index = waiting.get_nowait()
                values[index] = calls[index]()

    together([work] * min(threads, len(calls)))
    return [values[index] for index in range(len(calls))]


def state_of(path: Path) -> tuple[int, str]:
    """Size and state of a file; `GateliftError` where it is gone."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return found.st_size, f"{found.st_mtime_ns}:{found.st_ino}"


def unreadable(path: Path, error: OSError) -> GateliftError:
    """The error for a file that cannot be read."""
    return GateliftError(
        f"{path}: {error.strerror or error}", hint="correct `path` in the spec, or the folder", code="unreadable_file"
    )


def hash_of(path: Path, moved: Callable[[int], None] = lambda count: None) -> str:
    """The SHA-256 of a file in hex, read in pieces; `moved` is told the size of each."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            buffer = bytearray(CHUNK)
            while count := file.readinto(buffer):
                digest.update(memoryview(buffer)[:count])
                moved(count)
    except OSError as error:
        raise unreadable(path, error) from None
    return digest.hexdigest()


def _hashed(file: SourceFile, remembered: "_Remembered", count: "_Count") -> SourceFile:
    if file.path is None:
        return file
    size, state = state_of(file.path)
    digest = remembered.get(file.path, size, state)
    if digest:
        count.add(size)
        return replace(file, size=size, state=state, sha256=digest)
    began = time.time()
    digest = hash_of(file.path, count.add)
    if state_of(file.path) != (size, state):
        hint = "run the command again once nothing writes to the folder"
        raise GateliftError(f"{file.path} changed while it was read", hint=hint, code="file_changed")
    if int(state.partition(":")[0]) / 1e9 < began - SETTLED_S:
        remembered.put(file.path, size, state, digest)
    return replace(file, size=size, state=state, sha256=digest)


class _Count:
    """Adds up what the threads have read."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total)


class _Remembered:
    """Hashes in a file that every run reads whole; a damaged one is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new: dict[str, list[str]] = {}
        self._known = self._read()

    def get(self, path: Path, size: int, state: str) -> str:
        kept = self._known.get(str(path.absolute()), ["", ""])
        return kept[1] if kept[0] == f"{size}:{state}" else ""

    def put(self, path: Path, size: int, state: str, digest: str) -> None:
        self._new[str(path.absolute())] = [f"{size}:{state}", digest]

    def keep(self) -> None:
        """Write what is new; a cache that cannot be written is no error."""
        if not self._new:
            return
        kept = dict([*self._read().items(), *self._new.items()][-MOST_REMEMBERED:])
        part = self._path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(kept))
            part.replace(self._path)

    def _read(self) -> dict[str, list[str]]:
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text())
            if isinstance(found, dict):
                return {
                    key: value
                    for key, value in found.items()
                    if isinstance(value, list) and [type(part) for part in value] == [str, str]
                }
        return {}
