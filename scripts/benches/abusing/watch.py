"""Observes a server from outside: its memory, its readiness, its engine process, its exit."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.processes import READINESS, Server, family

from abusing.client import Connection, fetch, get


@dataclass
class Memory:
    """Resident memory of all processes of a server in MiB: before, at the peak, and after."""

    before: float = 0.0
    peak: float = 0.0
    after: float = 0.0


def resident_mib(server: Server) -> float:
    """Return the present resident memory of all its processes, in MiB."""
    assert server.process is not None  # noqa: S101
    return sum(_resident_kib(pid) for pid in family(server.process.pid)) / 1024


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


@asynccontextmanager
async def memory(server: Server, settle: float = 3.0) -> AsyncIterator[Memory]:
    """Measure the memory while the block runs, and once more `settle` seconds after it."""
    seen = Memory(before=resident_mib(server))
    seen.peak = seen.before

    async def watch() -> None:
        while True:
            seen.peak = max(seen.peak, resident_mib(server))
            await asyncio.sleep(0.25)

    watching = asyncio.create_task(watch())
    try:
        yield seen
        await asyncio.sleep(settle)
    finally:
        watching.cancel()
    seen.after = resident_mib(server)


def engine_of(server: Server) -> int:
    """Return the process id of the engine."""
    assert server.process is not None  # noqa: S101
    for pid in family(server.process.pid):
        with contextlib.suppress(OSError):
            if b"VLLM::Engine" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    raise SystemExit(f"{server.kind} has no engine process, see {server.log}")


async def readiness(server: Server, limit: float = 2) -> int:
    """Return the present status of the readiness probe; 0 without an answer within so many seconds."""
    return (await fetch(server.port, get(READINESS[server.kind]), limit)).status


@dataclass
class Turn:
    """How long readiness took to change, and its new status."""

    seconds: float
    status: int

    def summary(self) -> str:
        """How readiness changed, in a few words, for a table."""
        if self.seconds < 0:
            return f"still {self.status} after {-self.seconds:.0f} s"
        return f"{self.status or 'refused'} after {self.seconds:.2f} s"


async def ready_turns(server: Server, limit: float, wanted: bool = False) -> Turn:
    """Poll the readiness probe until it is no longer (or again) 200."""
    began = time.perf_counter()
    status = 200
    while (elapsed := time.perf_counter() - began) < limit:
        status = await readiness(server)
        if (status == 200) is wanted:
            return Turn(time.perf_counter() - began, status)
        await asyncio.sleep(0.02)
    return Turn(-elapsed, status)


async def exit_of(server: Server, limit: float) -> str:
    """Wait for the process to end and say how it ended."""
    assert server.process is not None  # noqa: S101
    began = time.perf_counter()
    while server.process.poll() is None:
        if time.perf_counter() - began > limit:
            return f"still runs after {limit:.0f} s"
        await asyncio.sleep(0.02)
    return f"exit {server.process.returncode} after {time.perf_counter() - began:.1f} s"


async def leave(connections: list[Connection]) -> None:
    """Close all connections, and give the server time to notice."""
    for connection in connections:
        connection.close()
    await asyncio.sleep(1)
