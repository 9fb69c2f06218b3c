"""Decides from the host's NVIDIA driver whether the image's CUDA compatibility libraries go first on the library path.

A host whose driver is older than the image's CUDA needs them. On a newer host they end in CUDA error 803, under a
GRID (vGPU) driver in error 804. Imports the standard library only: it runs before anything loads libcuda.
https://docs.nvidia.com/deploy/cuda-compatibility/
"""

import json
import os
import re
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARY_PATH = "LD_LIBRARY_PATH"
# Kept across the restart: what to log, and that there must be no second one.
DECIDED = "SCORING_LIBRARY_PATH_DECIDED"
MODULE = re.compile(r"Kernel Module(?: for \S+)?\s+(?P<version>\d+(?:\.\d+)+)")
# Guests see models such as "GRID A100-40C" or "NVIDIA A10-24Q": size and kind of a profile after the name.
GRID, PROFILE = re.compile(r"\b(GRID|vGPU)\b", re.IGNORECASE), re.compile(r"-\d+[ABCQ]\b")
COMPAT = re.compile(r"/usr/local/cuda[^/]*/compat(/.*)?")
LIBRARY = re.compile(r"libcuda\.so\.(?P<version>\d+(?:\.\d+)+)")
# Where the host's libcuda is mounted.
HOST_FOLDERS = ("/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64")


@dataclass(frozen=True)
class Decision:
    """What was found, and the library path to run with: "" for none, which is not the same as an empty element."""

    log: str
    library_path: str


def decide(library_path: str, *, root: Path = Path("/"), cuda: str = "") -> Decision:
    """Decide for the host and the image below `root`; `library_path` is the current one, `cuda` the image's version."""
    driver, is_virtual = _driver(root)
    folder, compat = _compat(root)
    entries = [entry for entry in library_path.split(":") if entry]
    without = [entry for entry in entries if not COMPAT.fullmatch(os.path.normpath(entry))]
    if not driver:
        kept = ":".join(entries)  # an empty element is the current folder to the loader
        return Decision(f"no NVIDIA driver: {LIBRARY_PATH} is {kept or 'not set'}", kept)
    if not compat:
        chosen, why = entries, "the image has no compatibility libraries"
    elif _numbers(compat) <= _numbers(driver):
        chosen, why = _host_first(without, root), "the driver is not older than the compatibility libraries"
    elif is_virtual:
        chosen, why = _host_first(without, root), "a GRID driver does not work with the compatibility libraries"
    else:
        chosen, why = [folder, *without], "the driver is older than the compatibility libraries"
    kind = " (GRID)" if is_virtual else ""
    found = f"driver {driver}{kind}, CUDA {cuda or _cuda(root) or 'unknown'}, compatibility {compat or 'none'}"
    path = ":".join(chosen)
    return Decision(f"{found}: {LIBRARY_PATH} is {path or 'not set'}, since {why}", path)


def settle(
    environ: MutableMapping[str, str],
    *,
    root: Path = Path("/"),
    restart: Callable[[MutableMapping[str, str]], Any] | None = None,
) -> str:
    """Put the library path in `environ` and return the line to log.

    The loader reads the path only when a process starts: `restart` starts this one again, once, where the path
    changes. Without it the change is for the processes that this one starts, as the engine's.
    """
    if log := environ.pop(DECIDED, ""):
        return log
    decision = decide(environ.get(LIBRARY_PATH, ""), root=root, cuda=environ.get("CUDA_VERSION", ""))
    if decision.library_path == environ.get(LIBRARY_PATH, ""):
        return decision.log
    if decision.library_path:
        environ[LIBRARY_PATH] = decision.library_path
    else:
        environ.pop(LIBRARY_PATH, None)
    if restart is not None:
        restart({**environ, DECIDED: decision.log})
    return decision.log


def restart_process(environ: MutableMapping[str, str]) -> None:
    """Replace this process by the same program with another environment; the process id stays."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environ))  # noqa: S606  no shell, itself


def _driver(root: Path) -> tuple[str, bool]:
    """The version of the host's kernel module, empty without one, and whether it serves virtual GPUs."""
    folder = root / "proc/driver/nvidia"
    text = _read(folder / "version")
    models = [
        line for file in folder.glob("gpus/*/information") for line in _read(file).splitlines() if "Model" in line
    ]
    match = MODULE.search(text)
    is_virtual = bool(GRID.search(text)) or any(GRID.search(line) or PROFILE.search(line) for line in models)
    return (match["version"] if match else ""), is_virtual


def _compat(root: Path) -> tuple[str, str]:
    """The folder of the newest compatibility libraries, as a path in the container, and the driver that they are of."""
    found = [
        (_numbers(match["version"]), "/" + file.parent.relative_to(root).as_posix(), match["version"])
        for file in root.glob("usr/local/cuda*/compat/libcuda.so.*")
        if (match := LIBRARY.fullmatch(file.name))
    ]
    # By its shortest name: `/usr/local/cuda` is a link to the version that the image means.
    _, folder, version = max(found, key=lambda one: (one[0], -len(one[1])), default=((), "", ""))
    return folder, version


def _host_first(entries: list[str], root: Path) -> list[str]:
    """The entries, behind the host's own libcuda where the image's loader configuration prefers compatibility."""
    if not any("/compat" in _read(file) for file in root.glob("etc/ld.so.conf.d/*.conf")):
        return entries
    hosts = [folder for folder in HOST_FOLDERS if (root / folder.lstrip("/") / "libcuda.so.1").exists()][:1]
    return [*hosts, *(entry for entry in entries if entry not in hosts)]


def _cuda(root: Path) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(_read(root / "usr/local/cuda/version.json"))["cuda"]["version"])
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
