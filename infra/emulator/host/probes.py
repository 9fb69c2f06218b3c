"""Liveness and readiness probes: their settings, and the request that they send."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.emulator.iso_durations import seconds_of


@dataclass(frozen=True)
class Probe:
    """One probe; times in seconds, defaults are Azure's."""

    path: str
    initial_delay: float = 10
    period: float = 10
    timeout: float = 2
    success_threshold: int = 1
    failure_threshold: int = 30

    @property
    def budget(self) -> float:
        """The seconds that a container has until its first success."""
        return self.initial_delay + self.period * self.failure_threshold

    @classmethod
    def from_wire(cls, path: str, settings: Mapping[str, Any] | None) -> "Probe":
        """Read `livenessProbe` or `readinessProbe` of a deployment."""
        settings = settings or {}
        return cls(
            path,
            seconds_of(settings.get("initialDelay"), cls.initial_delay),
            seconds_of(settings.get("period"), cls.period),
            seconds_of(settings.get("timeout"), cls.timeout),
            int(settings.get("successThreshold") or cls.success_threshold),
            int(settings.get("failureThreshold") or cls.failure_threshold),
        )


async def answers(port: int, probe: Probe) -> bool:
    """Whether a GET of the probe's path on 127.0.0.1 gets a 2xx or 3xx in time."""
    try:
        async with asyncio.timeout(probe.timeout):
            return 200 <= await _status_of_get(port, probe.path) < 400
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _status_of_get(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        return int((await reader.readline()).split(maxsplit=2)[1])
    finally:
        writer.close()
