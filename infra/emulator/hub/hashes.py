"""The hashes that git and large file storage give to files; those of large files are kept, since they take long."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

# Files that .gitattributes of a new repository puts into large file storage.
LFS_SUFFIXES = (
    *(".safetensors", ".bin", ".gguf", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".model", ".ckpt"),
    *(".tar", ".gz", ".zip", ".arrow", ".parquet", ".npz", ".ot"),
)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"


def is_lfs(path: str) -> bool:
    """Whether a file is in large file storage."""
    return path.endswith(LFS_SUFFIXES)


def git_oid(content: bytes) -> str:
    """The hash of a file as git names it."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pointer_oid(sha256: str, size: int) -> str:
    """The hash of what git has in place of a file in large file storage."""
    return git_oid(POINTER.format(sha256=sha256, size=size).encode())


def sha256_of(source: Path) -> str:
    """The SHA-256 of a file."""
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class KeptHashes:
    """SHA-256 of large files, kept in a JSON file for as long as a file has the same size and time."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def of(self, source: Path) -> str:
        """The SHA-256 of a file, read anew only if the file has changed."""
        stat = source.stat()
        stamp, name = f"{stat.st_size}:{stat.st_mtime_ns}", str(source)
        notes = self._read()
        if notes.get(name, [""])[0] != stamp:
            notes[name] = [stamp, sha256_of(source)]
            self._write(notes)
        return notes[name][1]

    def _read(self) -> dict[str, list[str]]:
        notes: dict[str, list[str]] = {}
        with suppress(OSError, ValueError):
            notes = json.loads(self._notes.read_text())
        return notes

    def _write(self, notes: dict[str, list[str]]) -> None:
        part = self._notes.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):  # the file is only a cache
            self._notes.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_text(json.dumps(notes))
            part.replace(self._notes)
