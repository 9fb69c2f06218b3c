"""Starts, finds and stops emulators: each is a process of its own that outlives its starter."""

import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from infra.emulator.seed.file import check_seed, kept_digest, read_seed
from infra.emulator.state.paths import StatePaths
from infra.errors import GateliftError, NotReady

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG = "emulator.log"
# The environment variables that the server inherits: about the machine, never the user's credentials.
INHERITED = """
PATH HOME LANG LC_ALL TZ TMPDIR VIRTUAL_ENV LD_LIBRARY_PATH LD_PRELOAD CUDA_HOME XDG_CACHE_HOME PYTHONDONTWRITEBYTECODE
GATELIFT_CACHE_DIR GATELIFT_EMULATOR_STATE GATELIFT_EMULATOR_SETTINGS
"""
INHERITED_PREFIXES = ("CUDA_VISIBLE", "NVIDIA_", "OMP_")


class EmulatorProfile(Struct, frozen=True):
    """The addresses of a running emulator, and its process."""

    resource_manager: str
    ca_bundle: str
    hub: str
    identity_endpoint: str
    portal: str
    pid: int
    state: str
    tenant_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """The profile as `emulator start --output json` prints it."""
        return asdict(self)


def start(
    state: Path,
    *,
    port: int = 0,
    seed: Path | None = None,
    foreground: bool = False,
    on_ready: Callable[[EmulatorProfile], None] | None = None,
) -> EmulatorProfile:
    """Start an emulator on this state folder, or find the one that runs there; returns once it answers.

    In the foreground it runs in this process until a signal stops it; `on_ready` is called with its profile.
    """
    paths = StatePaths(state.expanduser().resolve())
    running = _wait_for_running(paths)
    if running and seed:
        check_seed(read_seed(seed), kept_digest(json.loads(paths.profile.read_text())), paths.root)
    if running is None and foreground:
        return _run_here(paths, port, seed, on_ready)
    profile = running or _spawn(paths, port, seed)
    if on_ready:
        on_ready(profile)
    return profile


def status(state: Path) -> EmulatorProfile | None:
    """The emulator that runs on this state folder, None where none does."""
    paths = StatePaths(state.expanduser().resolve())
    if not _is_locked(paths.lock):
        return None
    try:
        profile = _profile(json.loads(paths.profile.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is starting or stopping
    return profile if _runs(profile.pid) and _listens(profile) else None


def stop(state: Path) -> bool:
    """Stop the emulator and every process that it started; False where none was running."""
    paths = StatePaths(state.expanduser().resolve())
    running = status(paths.root)
    if running is None:
        return False
    _signal(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_locked(paths.lock) or _runs(running.pid):
        if time.monotonic() > deadline:
            _signal(running.pid, signal.SIGKILL)  # its children die with it
            deadline = time.monotonic() + STOP_SECONDS
        time.sleep(0.02)
    paths.profile.unlink(missing_ok=True)
    return True


def reset(state: Path) -> bool:
    """Stop the emulator and remove its state; False where there was none. Other files in the folder stay."""
    paths = StatePaths(state.expanduser().resolve())
    stop(paths.root)
    known = paths.database.exists()
    for folder in (paths.blobs, paths.logs, paths.staging, paths.hub):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (*paths.root.glob(f"{paths.database.name}*"), *paths.root.glob("ca*.pem"), paths.profile, paths.lock):
        file.unlink(missing_ok=True)
    return known


def _spawn(paths: StatePaths, port: int, seed: Path | None) -> EmulatorProfile:
    try:
        paths.prepare()
    except OSError as error:
        where = error.filename or paths.root
        raise GateliftError(f"cannot use the state folder {where}: {error.strerror}", hint="choose another") from None
    command = [sys.executable, "-m", "infra.emulator", "--state", str(paths.root), "--port", str(port)]
    if seed:
        command += ["--seed", str(seed.expanduser().resolve())]
    with open(paths.logs / LOG, "ab", opener=_open_private) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd=paths.root,
            env=environment(os.environ),
        )
    report = _first_line(process, START_SECONDS)
    if report is None:
        process.kill()
        process.wait()
        raise NotReady(f"the emulator did not answer within {START_SECONDS:.0f} s", hint=f"see {paths.logs / LOG}")
    if "error" not in report:
        # A thread waits for it, or it would stay a zombie for as long as this process lives.
        threading.Thread(target=process.wait, daemon=True).start()
        return _profile(report)
    process.wait()
    # Another process has started one in the meantime: that one will do.
    if report.get("code") == "already_running" and (other := _wait_for_running(paths)):
        return other
    raise GateliftError(report["error"], hint=report["hint"] or f"see {paths.logs / LOG}", code=report["code"])


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _run_here(
    paths: StatePaths, port: int, seed: Path | None, on_ready: Callable[[EmulatorProfile], None] | None
) -> EmulatorProfile:
    import asyncio

    from infra.emulator.server import serve  # slow to import, and only the foreground needs it

    seen: list[EmulatorProfile] = []

    def ready(report: dict[str, Any]) -> None:
        seen.append(_profile(report))
        if on_ready:
            on_ready(seen[0])

    asyncio.run(serve(paths.root, port=port, seed=seed, on_ready=ready))
    return seen[0]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server process."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in INHERITED.split() or name.startswith(INHERITED_PREFIXES)
    }
    return kept | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def _first_line(process: "subprocess.Popen[bytes]", seconds: float) -> dict[str, Any] | None:
    assert process.stdout is not None  # noqa: S101  it was asked for
    with process.stdout as pipe:
        with selectors.DefaultSelector() as ready:  # unlike select, it takes descriptors above 1023
            ready.register(pipe, selectors.EVENT_READ)
            readable = ready.select(seconds)
        line = pipe.readline() if readable else b""
    if not readable:
        return None
    if not line:
        return {"error": "the emulator ended while it was starting", "hint": "", "code": "emulator_failed"}
    report: dict[str, Any] = json.loads(line)
    return report


def _wait_for_running(paths: StatePaths) -> EmulatorProfile | None:
    """The emulator that holds the lock, once it answers; None if no process holds it."""
    deadline = time.monotonic() + START_SECONDS
    while _is_locked(paths.lock) and time.monotonic() < deadline:
        if profile := status(paths.root):
            return profile
        time.sleep(0.02)
    return None


def _is_locked(lock: Path) -> bool:
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # there is no such folder, or it may not be used
    return False


def _runs(pid: int) -> bool:
    """Whether the process runs: a killed emulator leaves its profile behind, and for a moment its lock and ports."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _listens(profile: EmulatorProfile) -> bool:
    host, _, port = profile.resource_manager.rpartition("/")[2].partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except OSError:
        return False


def _profile(report: dict[str, Any]) -> EmulatorProfile:
    return EmulatorProfile(**{name: report[name] for name in EmulatorProfile.__struct_fields__})


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
