"""What a container can see of the machine it runs on: nothing of it is secret, variables are told by name only."""

import contextlib
import os
import platform
import sys
import sysconfig
from pathlib import Path
from typing import Any

DRIVER = Path("/proc/driver/nvidia/version")
MOUNTS = Path("/proc/mounts")
SHARED_MEMORY = "/dev/shm"  # noqa: S108
GIB = 1024**3


def about() -> dict[str, Any]:
    """The document that GET /about answers."""
    return {
        "driver": _first_line(DRIVER),
        "cuda": {
            str(path): sorted(os.listdir(path)) for path in Path("/usr/local").glob("cuda*/compat") if path.is_dir()
        },
        "library_path": os.environ.get("LD_LIBRARY_PATH", ""),
        "disks": _disks(),
        "shared_memory": _space(SHARED_MEMORY),
        "variables": sorted(os.environ),
        "app_root": os.environ.get("AML_APP_ROOT", ""),
        "python": platform.python_version(),
        "executable": sys.executable,
        "externally_managed": (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists(),
        "user": os.getuid(),
    }


def _first_line(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8").partition("\n")[0]
    return ""


def _disks() -> dict[str, dict[str, float]]:
    """Size and free space of every file system that has a disk or is the root, in GiB, by where it is mounted."""
    found: dict[str, dict[str, float]] = {}
    with contextlib.suppress(OSError):
        for line in MOUNTS.read_text(encoding="utf-8").splitlines():
            device, place = line.split()[:2]
            if (device.startswith("/dev/") or place == "/") and Path(place).is_dir():
                found[place] = _space(place)
    return found


def _space(place: str) -> dict[str, float]:
    with contextlib.suppress(OSError):
        stat = os.statvfs(place)
        return {
            "size": round(stat.f_blocks * stat.f_frsize / GIB, 3),
            "free": round(stat.f_bavail * stat.f_frsize / GIB, 3),
        }
    return {}
