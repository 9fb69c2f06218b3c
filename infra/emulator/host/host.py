"""Runs deployments on this machine: stages their files; starts, replaces and scales their instances."""

import asyncio
import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.container import Container, read_container
from infra.emulator.host.disk import check_disk
from infra.emulator.host.instance import Instance
from infra.emulator.host.log import ContainerLog, tail_of
from infra.emulator.host.process import kill_orphans
from infra.emulator.host.replica_set import ReplicaSet
from infra.emulator.host.staging import StagedContainer, stage
from infra.emulator.state.store import key_of
from infra.emulator.world import World

CLOSE_GRACE_SECONDS = 5.0
STORAGE_LOG = "storage-initializer.log"


@dataclass
class _Deployment:
    """The replica sets of one deployment: `current` serves, `starting` is coming up."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    current: ReplicaSet | None = None
    starting: ReplicaSet | None = None


class ProcessHost:
    """Runs the instances of deployments as processes of this machine."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments: dict[str, _Deployment] = {}
        kill_orphans(str(world.paths.root.resolve()))

    async def start(self, deployment_id: str) -> None:
        """Start, replace or scale a deployment as it is in the store; returns when every instance is ready.

        A changed container replaces the running one once it is ready; a changed count only adds or ends
        instances. After `DeploymentFailed` the previous instances are still running.
        """
        deployment = self._deployments.setdefault(key_of(deployment_id), _Deployment())
        async with deployment.lock:
            await self._reconcile(deployment_id, deployment)

    async def stop(self, deployment_id: str) -> None:
        """End every instance and remove its files and logs."""
        deployment = self._deployments.pop(key_of(deployment_id), None)
        if deployment:
            await self._end(deployment)
            async with deployment.lock:  # wait until a start in progress has cleaned up
                pass
        for folder in (self._staging(deployment_id), self._logs(deployment_id)):
            shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        """End every process; files are kept for the next start."""
        deployments, self._deployments = self._deployments, {}
        await asyncio.gather(*(self._end(deployment) for deployment in deployments.values()))

    def ready(self, deployment_id: str) -> list[str]:
        """Base URLs of the instances that are ready."""
        return [instance.url for instance in self._instances(deployment_id) if instance.ready]

    def instances(self, deployment_id: str) -> list[dict[str, Any]]:
        """The status of each running or starting instance: pid, port, ready, restarts, last_exit, in_flight."""
        return [instance.describe() for instance in self._instances(deployment_id)]

    def least_busy(self, deployment_id: str) -> Instance | None:
        """The ready instance that the next request should go to."""
        deployment = self._deployments.get(key_of(deployment_id))
        return deployment.current.least_busy() if deployment and deployment.current else None

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """The last lines of `InferenceServer` or `StorageInitializer`; several instances one after the other."""
        revisions = sorted(self._logs(deployment_id).glob("[0-9]*"))
        if not revisions:
            return ""
        if container == "StorageInitializer":
            return tail_of(revisions[-1] / STORAGE_LOG, tail)
        files = sorted(revisions[-1].glob("inference-server-*.log"))
        if len(files) <= 1:
            return "".join(tail_of(file, tail) for file in files)
        return "\n\n".join(f"==> {file.stem} <==\n{tail_of(file, tail)}" for file in files)

    async def _reconcile(self, deployment_id: str, deployment: _Deployment) -> None:
        container = read_container(self._world, deployment_id)
        count = self._wanted_count(deployment_id)
        current = deployment.current
        if current and current.staged.container.fingerprint == container.fingerprint:
            await current.scale(count)
            return
        number, logs = self._next_revision(deployment_id)
        staged = self._stage(deployment_id, container, number, logs)
        starting = ReplicaSet(staged, lambda index: logs / f"inference-server-{index}.log")
        deployment.starting = starting
        files = (self._staging(deployment_id) / number, self._staging(deployment_id) / "shared")
        try:
            check_disk(self._world, deployment_id, *files)
            await starting.scale(count)
            check_disk(self._world, deployment_id, *files)  # with what the container has downloaded
        except DeploymentFailed:
            await starting.stop(CLOSE_GRACE_SECONDS)
            raise
        finally:
            deployment.starting = None
        deployment.current = starting
        if current:
            await current.drain()
        self._remove_older_revisions(deployment_id, number)

    def _stage(self, deployment_id: str, container: Container, number: str, logs: Path) -> StagedContainer:
        folder = self._staging(deployment_id)
        log = ContainerLog(logs / STORAGE_LOG, secrets=container.secrets)
        try:
            return stage(self._world, container, folder / number, folder / "shared", log)
        finally:
            log.close()

    def _wanted_count(self, deployment_id: str) -> int:
        document = self._world.store.get(deployment_id)
        if document is None:
            raise DeploymentFailed("ResourceNotFound", f"The deployment {deployment_id} does not exist.")
        return int((document.get("sku") or {}).get("capacity") or 1)

    def _instances(self, deployment_id: str) -> list[Instance]:
        deployment = self._deployments.get(key_of(deployment_id))
        if deployment is None:
            return []
        replica_sets = (deployment.current, deployment.starting)
        return [instance for replica_set in replica_sets if replica_set for instance in replica_set.instances]

    def _next_revision(self, deployment_id: str) -> tuple[str, Path]:
        folder = self._logs(deployment_id)
        number = f"{1 + max((int(entry.name) for entry in folder.glob('[0-9]*')), default=0):06d}"
        (folder / number).mkdir(parents=True, mode=0o700)
        return number, folder / number

    def _remove_older_revisions(self, deployment_id: str, current: str) -> None:
        for folder in (self._staging(deployment_id), self._logs(deployment_id)):
            for entry in folder.glob("[0-9]*"):
                if entry.name < current:
                    shutil.rmtree(entry, ignore_errors=True)

    def _staging(self, deployment_id: str) -> Path:
        return self._world.paths.staging / _folder_name(deployment_id)

    def _logs(self, deployment_id: str) -> Path:
        return self._world.paths.logs / "deployments" / _folder_name(deployment_id)

    async def _end(self, deployment: _Deployment) -> None:
        replica_sets = [each for each in (deployment.current, deployment.starting) if each]
        deployment.current = None
        await asyncio.gather(*(each.stop(CLOSE_GRACE_SECONDS) for each in replica_sets))


def _folder_name(deployment_id: str) -> str:
    """A readable name with a hash, since two workspaces may have endpoints of the same name."""
    segments = key_of(deployment_id).split("/")
    return f"{segments[-3]}-{segments[-1]}-{hashlib.sha256(key_of(deployment_id).encode()).hexdigest()[:8]}"
