"""One instance of a deployment: a supervised process with a port of its own."""

import asyncio
import socket
import time
from contextlib import suppress
from typing import Any

from infra.emulator.host.log import ContainerLog
from infra.emulator.host.probes import Probe, answers
from infra.emulator.host.process import ChildProcess
from infra.emulator.host.staging import StagedContainer

START_POLL_SECONDS = 0.2
BACKOFF_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STABLE_SECONDS = 60.0
STOP_GRACE_SECONDS = 10.0
PORT_ATTEMPTS = 3


class StartFailed(Exception):
    """The process did not become ready; the text says why."""


class Instance:
    """Keeps one process of a deployment alive until it is stopped."""

    def __init__(self, number: int, staged: StagedContainer, log: ContainerLog) -> None:
        self.number = number
        self.log = log
        self.port = 0
        self.ready = False
        self.restarts = 0
        self.last_exit: str | None = None
        self.in_flight = 0
        self.taken = 0
        self._staged = staged
        self._stopped = False
        self._process: ChildProcess | None = None
        self._supervision: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def describe(self) -> dict[str, Any]:
        """Its status as the portal shows it."""
        running = self._process is not None and self._process.outcome is None
        return {
            "instance": self.number,
            "pid": self._process.pid if self._process and running else None,
            "port": self.port,
            "ready": self.ready,
            "restarts": self.restarts,
            "last_exit": self.last_exit,
            "in_flight": self.in_flight,
        }

    def take(self) -> None:
        """One more request goes to this instance."""
        self.in_flight += 1
        self.taken += 1

    def release(self) -> None:
        """One request has come to its end."""
        self.in_flight -= 1

    async def bring_up(self) -> None:
        """Start the process and return when it is ready; `StartFailed` if it ends or its probes fail for too long."""
        await self._start()
        self._supervision = asyncio.create_task(self._supervise())

    async def stop(self, grace: float = STOP_GRACE_SECONDS) -> None:
        """End the process and its descendants."""
        self._stopped, self.ready = True, False
        if self._supervision:
            self._supervision.cancel()
            with suppress(asyncio.CancelledError):
                await self._supervision
        if self._process:
            await self._process.stop(grace)
        self.log.close()

    async def _start(self) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                await self._start_once()
            except StartFailed:
                # Another process may have taken the port between choosing and binding it.
                if attempt == PORT_ATTEMPTS or "address already in use" not in self.log.tail(40).lower():
                    raise
                self.log.note(f"port {self.port} was taken by another process; trying another one")
            else:
                return

    async def _start_once(self) -> None:
        self.port = _free_port()
        command = self._staged.command(self.port)
        self._process = await ChildProcess.start(command, self.log)
        self.log.note(f"instance {self.number}: process {self._process.pid} started on port {self.port}")
        try:
            if self._stopped:
                raise StartFailed("stopped while it started")
            await self._become_ready(self._process)
        except StartFailed as failure:
            self.last_exit = str(failure)
            self.log.note(f"instance {self.number}: {failure}")
            await self._process.stop(grace=0)
            raise
        self.ready = True
        self.log.note(f"instance {self.number}: ready")

    async def _become_ready(self, process: ChildProcess) -> None:
        readiness, liveness = self._staged.container.readiness, self._staged.container.liveness
        started = time.monotonic()
        liveness_failures = _Failures(liveness, started)
        successes = 0
        while successes < readiness.success_threshold:
            if process.outcome is not None:
                raise StartFailed(f"the container ended: {process.outcome}")
            successes = successes + 1 if await answers(self.port, readiness) else 0
            if successes == 0 and time.monotonic() - started > readiness.budget:
                raise StartFailed(f"not ready after {readiness.budget:g} s: {_describe(readiness, 'readiness')}")
            if await liveness_failures.exceeded(self.port):
                raise StartFailed(f"not alive after {liveness.budget:g} s: {_describe(liveness, 'liveness')}")
            if successes < readiness.success_threshold:
                await asyncio.wait({process.exited}, timeout=START_POLL_SECONDS)

    async def _supervise(self) -> None:
        """Restart the process whenever it ends or its liveness fails, with growing delays."""
        crashes = 0
        while True:
            began = time.monotonic()
            reason = await self._watch_until_broken()
            self.ready = False
            crashes = 1 if time.monotonic() - began > STABLE_SECONDS else crashes + 1
            self.last_exit = reason
            while True:
                delay = BACKOFF_SECONDS[min(crashes, len(BACKOFF_SECONDS)) - 1]
                self.restarts += 1
                self.log.note(f"instance {self.number}: {reason}; restart {self.restarts} in {delay:g} s")
                await asyncio.sleep(delay)
                try:
                    await self._start()
                except StartFailed as failure:
                    crashes, reason = crashes + 1, str(failure)
                else:
                    break

    async def _watch_until_broken(self) -> str:
        process = self._process
        assert process is not None  # noqa: S101 (supervision begins after the first start)
        now = time.monotonic()
        liveness_failures = _Failures(self._staged.container.liveness, now)
        readiness_failures = _Failures(self._staged.container.readiness, now)
        while True:
            pause = max(0.0, min(liveness_failures.due, readiness_failures.due) - time.monotonic())
            await asyncio.wait({process.exited}, timeout=pause)
            if process.outcome is not None:
                return process.outcome
            if await liveness_failures.exceeded(self.port):
                await process.stop(grace=1)
                return f"liveness failed {liveness_failures.count} times"
            if readiness_failures.due <= time.monotonic():
                unready = await readiness_failures.exceeded(self.port)
                if unready or readiness_failures.count == 0:
                    self._set_ready(ready=not unready)

    def _set_ready(self, *, ready: bool) -> None:
        if ready != self.ready:
            self.log.note(f"instance {self.number}: {'ready again' if ready else 'readiness fails'}")
        self.ready = ready


class _Failures:
    """Counts the failures of one probe in a row; it is sent once a period, first after the initial delay."""

    def __init__(self, probe: Probe, started: float) -> None:
        self.count = 0
        self.due = started + probe.initial_delay
        self._probe = probe

    async def exceeded(self, port: int) -> bool:
        """Send the probe if it is due; whether the failure threshold is reached."""
        now = time.monotonic()
        if now >= self.due:
            self.due = now + self._probe.period
            self.count = 0 if await answers(port, self._probe) else self.count + 1
        return self.count >= self._probe.failure_threshold


def _describe(probe: Probe, kind: str) -> str:
    return (
        f"{kind} probe GET {probe.path} (initial_delay {probe.initial_delay:g} s, period {probe.period:g} s, "
        f"failure_threshold {probe.failure_threshold})"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
