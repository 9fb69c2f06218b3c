"""Waits for long-running operations of Resource Manager."""

from collections.abc import Mapping
from typing import Any

from infra.azure.arm import Arm, Operation, Progress
from infra.azure.cloud import Tick
from infra.clock import Clock
from infra.errors import GateliftError, NotReady, still_running

NETWORK_TIMEOUT_LOCAL = 5.0  # seconds without an answer from the emulator while an operation runs
SLICE = 0.2  # seconds: waits are cut into slices, so that Ctrl-C takes effect
LONGEST_PAUSE_LOCAL = 0.25


def no_tick() -> None:
    """Do nothing while waiting."""


class ArmPoller:
    """Polls operations of one Resource Manager endpoint; `local` says whether that is the emulator."""

    def __init__(self, arm: Arm, clock: Clock, *, local: bool) -> None:
        self._arm = arm
        self._clock = clock
        self._local = local

    def wait(self, operation: Operation, tick: Tick = no_tick) -> None:
        """Wait until an operation has ended; raises its error if it failed, and `TimedOut` if it takes too long."""
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
        """Wait for the operation that an earlier run started on a resource; it is no error if it failed."""
        properties = document.get("properties", {}).get("properties") or {}
        url = str(properties.get("AzureAsyncOperationUri") or "")
        try:
            self.wait(Operation(document["id"], url if self._arm.serves(url) else "", earlier=True), tick)
        except GateliftError as error:
            if error.code == "no_connection":
                raise
        self.wait(Operation(document["id"], earlier=True), tick)

    def _poll(self, operation: Operation, tick: Tick) -> Progress:
        """Ask once for the operation's state; tries again for a while where the network is lost."""
        lost_since: float | None = None
        while True:
            try:
                return self._arm.poll(operation)
            except NotReady:
                lost_since = self._clock.now() if lost_since is None else lost_since
                longest = NETWORK_TIMEOUT_LOCAL if self._local else self._arm.timeouts.network
                if self._clock.now() - lost_since >= longest:
                    raise
            self._clock.sleep(1)
            tick()
