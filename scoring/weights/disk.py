"""Room on the disk: asked for before a download begins."""

import shutil
from pathlib import Path

from scoring.errors import WeightsMissing

UNITS = ("B", "KB", "MB", "GB", "TB")
STEP = 1000


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
            hint="take an instance type with a larger disk, put HF_HOME on a larger one, or mount the model instead",
        )


def size_below(folder: Path) -> int:
    """Return the bytes of the files below a folder, links followed once."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
