"""Waits for long-running operations of Resource Manager."""

from collections.abc import Mapping
from typing import Any

from infra.azure.arm import Arm, Operation, Progress
from infra.azure.cloud import Tick
from infra.clock import Clock
from infra.errors import GateliftError, NotReady, still_running

NETWORK_TIMEOUT_LOCAL = 5.0  # seconds without an answer of the emulator while an operation runs
SLICE = 0.2  # seconds: the wait is cut into slices, so that Ctrl-C is heard
LONGEST_PAUSE_LOCAL = 0.25


def no_tick() -> None:
    """Do nothing while waiting."""


class ArmPoller:
    """Polls operations of one management endpoint; `local` is whether that is the emulator."""

    def __init__(self, arm: Arm, clock: Clock, *, local: bool) -> None:
        self._arm = arm
        self._clock = clock
        self._local = local

    def wait(self, operation: Operation, tick: Tick = no_tick) -> None:
        """Wait until an operation has ended; raises the error it ended with, or `TimedOut`."""
        clock, longest = self._clock, self._arm.timeouts.operation
        deadline = clock.now() + longest
        while not (progress := self._poll(operation, tick)).done:
            if clock.now() > deadline:
                raise still_running(operation.resource_id.rpartition("/")[2], longest)
            pause = min(progress.pause, LONGEST_PAUSE_LOCAL) if self._local else progress.pause
            until = min(clock.now() + pause, deadline + SLICE)
            while (left := until - clock.now()) > 0:
                clock.sleep(min(left, SLICE))
                tick()
        if progress.error:
            raise progress.error

    def wait_for_running(self, document: Mapping[str, Any], tick: Tick = no_tick) -> None:
        """Wait for the operation that an earlier run started on a resource, however it ends."""
        noted = document.get("properties", {}).get("properties") or {}
        url = str(noted.get("AzureAsyncOperationUri") or "")
        try:
            self.wait(Operation(document["id"], url if self._arm.serves(url) else "", earlier=True), tick)
        except GateliftError as error:
            if error.code == "no_connection":
                raise
        self.wait(Operation(document["id"], earlier=True), tick)

    def _poll(self, operation: Operation, tick: Tick) -> Progress:
        """Ask once how far it is; a network that is away for a while does not end the wait."""
        lost: float | None = None
        while True:
            try:
                return self._arm.poll(operation)
            except NotReady:
                lost = self._clock.now() if lost is None else lost
                longest = NETWORK_TIMEOUT_LOCAL if self._local else self._arm.timeouts.network
                if self._clock.now() - lost >= longest:
                    raise
            self._clock.sleep(1)
            tick()
