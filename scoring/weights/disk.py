"""Room on the disk: asked for before a download begins; and what a disk says that takes no files."""

import errno
import os
import shutil
import socket
from pathlib import Path

from scoring.errors import WeightsMissing

UNITS = ("B", "KB", "MB", "GB", "TB")
STEP = 1000
FULL = (errno.ENOSPC, errno.EDQUOT)
LARGER = "take an instance type with a larger disk, put HF_HOME on a larger one, or mount the model instead"


def said_size(count: float) -> str:
    """Write a number of bytes as people read it: `1.5 GB`."""
    for unit in UNITS[:-1]:
        if count < STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= STEP
    return f"{count:.1f} {UNITS[-1]}"


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is or will be on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise `WeightsMissing` with the numbers where a disk has no room for what is still to be downloaded."""
    free = free_bytes(folder)
    if needed > free:
        raise WeightsMissing(
            f"{what} needs {said_size(needed)} more on the disk of {folder}, and {said_size(free)} are free",
            hint=LARGER,
        )


def cannot_write(error: Exception, what: str) -> WeightsMissing | None:
    """Return the error for a disk that has become full or a folder that takes no files; None for any other."""
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL:
        return WeightsMissing(f"the disk became full while {what} was downloaded", hint=LARGER)
    if error.filename is None:
        return None
    return WeightsMissing(
        f"{what} cannot be kept here: {error.filename}: {error.strerror}",
        hint="have HF_HOME or SCORING_CACHE_DIR name a folder that this process may write to",
    )


def unfinished_name(path: Path) -> Path:
    """Return what a file is called until it is whole: by this process alone, since others may share its folder."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part")


def size_below(folder: Path) -> int:
    """Return the bytes of the files below a folder, links followed once."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
