"""The processes of containers: each leads a process group, which ends with the emulator even if that is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.emulator.host.log import ContainerLog

# The state folder of the emulator, in the environment of its children: it shows which orphans are its own.
OWNER_VARIABLE = "GATELIFT_EMULATOR_OWNER"
LAUNCHER = Path(__file__).with_name("process_launcher.py")


@dataclass(frozen=True)
class Command:
    """What a container runs: program and arguments, folder, and the whole environment."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


class ChildProcess:
    """One running process with its descendants; its output goes to `log`."""

    def __init__(self, process: asyncio.subprocess.Process, log: ContainerLog) -> None:
        self._process = process
        assert process.stdout is not None  # noqa: S101 (asked for below)
        self._output = asyncio.create_task(log.follow(process.stdout))
        self.exited = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, command: Command, log: ContainerLog) -> "ChildProcess":
        """Start the command with both its outputs in the log."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *command.arguments),
            cwd=command.folder,
            env=dict(command.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group as well."""
        return self._process.pid

    @property
    def outcome(self) -> str | None:
        """How it ended, None while it runs."""
        code = self._process.returncode
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def stop(self, grace: float) -> None:
        """Send SIGTERM to the group, and SIGKILL after `grace` seconds."""
        self._signal_group(signal.SIGTERM)
        await asyncio.wait({self.exited}, timeout=grace)
        self._signal_group(signal.SIGKILL)
        await asyncio.wait({self.exited})

    async def _wait(self) -> None:
        # Not `Process.wait()` first: asyncio wakes it only when the output is closed, and descendants of the
        # leader may hold it open.
        await _ended(self._process.pid)
        self._signal_group(signal.SIGKILL)
        while self._process.returncode is None:  # noqa: ASYNC110  asyncio has no event for it
            await asyncio.sleep(0.01)
        # A descendant that left the group may hold the pipe open: its output is not waited for.
        await asyncio.wait({self._output}, timeout=1)
        self._output.cancel()

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


async def _ended(pid: int) -> None:
    """Return when the process has ended, even before its exit code was read."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def kill_orphans(owner: str) -> int:
    """Kill the processes that a killed emulator with this state folder left behind; returns their number."""
    ended = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if int(entry.name) != os.getpid() and _belongs(entry, owner):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
    return ended


def _belongs(entry: Path, owner: str) -> bool:
    """Whether a process has the variable of this owner, or is an orphan in the state folder that has overwritten it."""
    if f"{OWNER_VARIABLE}={owner}".encode() in (entry / "environ").read_bytes().split(b"\0"):
        return True
    session = os.getsid(int(entry.name))
    return (entry / "cwd").readlink().is_relative_to(owner) and not Path(f"/proc/{session}").exists()
