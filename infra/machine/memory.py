"""How much memory this machine has left for new processes: its own, and what its control groups allow."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.errors import GateliftError

TOLD = "GATELIFT_MEMORY_GB"

UNLIMITED = 1 << 60  # bytes; version 1 of control groups writes a number near 2**63 where there is no limit


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that a new process can have; None where this system does not tell. `root` is the root of the files."""
    free = _machine(root / "proc" / "meminfo")
    return None if free is None else max(0, min([free, *_groups(root)]))


def told_memory(environ: Mapping[str, str]) -> int | None:
    """Bytes that a person says to reckon with, in `GATELIFT_MEMORY_GB`; None where nobody does."""
    if not (text := environ.get(TOLD, "").strip()):
        return None
    try:
        return round(float(text) * 1_000_000_000)
    except (ValueError, OverflowError):
        raise GateliftError(
            f"{TOLD} is {text!r}, which is no number", hint="give gigabytes, such as 64", code="invalid_setting"
        ) from None


def _machine(meminfo: Path) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, LookupError, ValueError):
        return None


def _groups(root: Path) -> Iterator[int]:
    """What each control group of this process, and each above it, leaves; docs.kernel.org/admin-guide/cgroup-v2."""
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    mount = root / "sys" / "fs" / "cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names, top = ("memory.max", "memory.current", "inactive_file"), mount
        elif "memory" in controllers.split(","):
            names, top = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"), mount / "memory"
        else:
            continue
        folder = top / path.strip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(top) and (left := _left(group, *names)) is not None:
                yield left


def _left(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    """What a group leaves, cached files that can be given up among it; None without a limit."""
    try:
        most = int((group / limit).read_text())  # `max` in version 2 means no limit
        used = int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if most >= UNLIMITED else most - used + int(stat.get(reclaimable, 0))
