"""The instances of a deployment that run the same container: brought up, scaled, drained and ended together."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.instance import STOP_GRACE_SECONDS, Instance, StartFailed
from infra.emulator.host.log import ContainerLog
from infra.emulator.host.staging import StagedContainer

LOG_LINES_IN_ERROR = 25
DRAIN_SECONDS = 180.0  # the longest request that Azure allows
GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-resourcenotready"


class ReplicaSet:
    """Instances 0 … n-1 of one staged container; `log_path` gives the log file of each."""

    def __init__(self, staged: StagedContainer, log_path: Callable[[int], Path]) -> None:
        self.staged = staged
        self.instances: list[Instance] = []
        self.cancelled = False
        self._log_path = log_path

    async def scale(self, count: int) -> None:
        """Start or end instances until there are `count`; after `DeploymentFailed` the previous ones remain."""
        added = [self._new_instance(number) for number in range(len(self.instances), count)]
        surplus = self.instances[count:]
        # Listed while they start, so that logs and status show them.
        self.instances = [*self.instances[:count], *added]
        try:
            await _all_or_first_failure(added)
        except BaseException as error:
            self.instances = [instance for instance in self.instances if instance not in added]
            await _stop(added, grace=0)
            if isinstance(error, StartFailed):
                raise self._failure(error, added) from None
            raise
        await self._drain(surplus)
        await self._all_ready()

    async def drain(self) -> None:
        """Wait for running requests, then end every instance."""
        instances, self.instances = self.instances, []
        await self._drain(instances)

    async def stop(self, grace: float) -> None:
        """End every instance now; the start of one in progress fails as canceled."""
        self.cancelled = True
        await _stop(self.instances, grace)

    def least_busy(self) -> Instance | None:
        """The ready instance with the fewest requests, in turn among equals; None while none is ready."""
        ready = (instance for instance in self.instances if instance.ready)
        return min(ready, key=lambda instance: (instance.in_flight, instance.taken), default=None)

    def _new_instance(self, number: int) -> Instance:
        log = ContainerLog(self._log_path(number), secrets=self.staged.container.secrets)
        return Instance(number, self.staged, log)

    async def _all_ready(self) -> None:
        """Wait for instances that are being restarted."""
        budget = self.staged.container.readiness.budget
        deadline = time.monotonic() + budget
        while lagging := [instance for instance in self.instances if not instance.ready]:
            if time.monotonic() > deadline:
                raise self._failure(StartFailed(f"not ready after {budget:g} s"), lagging)
            await asyncio.sleep(0.1)

    async def _drain(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            instance.ready = False  # no new request
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(instance.in_flight for instance in instances) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await _stop(instances, STOP_GRACE_SECONDS)

    def _failure(self, failure: StartFailed, instances: Sequence[Instance]) -> DeploymentFailed:
        if self.cancelled:
            return DeploymentFailed("OperationCanceled", "The deployment was stopped while it was starting.")
        text = str(failure)
        crashed = text.startswith("the container ended")
        what = "User container has crashed or terminated." if crashed else "User container did not become ready."
        broken = next((each for each in instances if each.last_exit == text), instances[0])
        # The log file outlives its instance.
        lines = broken.log.tail(LOG_LINES_IN_ERROR)
        return DeploymentFailed("ResourceNotReady", f"{what} {GUIDE}\nReason: {text}\nLast lines of its log:\n{lines}")


async def _all_or_first_failure(instances: Sequence[Instance]) -> None:
    tasks = [asyncio.create_task(instance.bring_up()) for instance in instances]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _stop(instances: Sequence[Instance], grace: float) -> None:
    await asyncio.gather(*(instance.stop(grace) for instance in instances))
