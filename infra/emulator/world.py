"""What the services of one emulator share; the server makes it once and hands it to each of them."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from infra.emulator.gateway.faults import Faults
from infra.emulator.identity.authorization import Authorization
from infra.emulator.identity.directory import Directory
from infra.emulator.identity.federation import Federation
from infra.emulator.identity.runners import Runners
from infra.emulator.identity.tokens import TokenIssuer
from infra.emulator.monitor.clock import MonitorClock
from infra.emulator.monitor.recorder import Recorder
from infra.emulator.operations import Operations
from infra.emulator.state.paths import StatePaths
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls
from infra.emulator.storage.blobs import Blobs


class Host(Protocol):
    """Runs deployments: each instance is a supervised process of its own."""

    async def start(self, deployment_id: str) -> None:
        """Bring the deployment to the state in the store; `DeploymentFailed` where that is not possible."""

    async def stop(self, deployment_id: str) -> None:
        """End every instance of the deployment."""

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """The last `tail` lines of the container `InferenceServer` or `StorageInitializer`."""

    def ready(self, deployment_id: str) -> list[str]:
        """Base URLs of the instances that are ready."""

    def instances(self, deployment_id: str) -> list[dict[str, object]]:
        """The status of each instance: pid, port, ready, restarts, last_exit."""

    async def close(self) -> None:
        """End every process that was started."""


class FrontEnds(Protocol):
    """The front ends of all endpoints, each on a port of its own."""

    async def open(self, endpoint_id: str) -> str:
        """Listen for this endpoint; returns `http://127.0.0.1:PORT`."""

    async def close(self, endpoint_id: str) -> None:
        """Stop listening for this endpoint."""

    async def close_all(self) -> None:
        """Stop listening for all endpoints."""


@dataclass
class World:
    """The shared services of one emulator; those that need the world themselves are set after it was made."""

    paths: StatePaths
    urls: Urls
    store: Store
    settings: Settings
    tokens: TokenIssuer
    directory: Directory
    federation: Federation
    runners: Runners
    authorization: Authorization
    blobs: Blobs
    faults: Faults
    recorder: Recorder
    operations: Operations = field(init=False)
    host: Host = field(init=False)
    front_ends: FrontEnds = field(init=False)

    @classmethod
    def create(cls, paths: StatePaths, store: Store, urls: Urls) -> "World":
        """A world over a store, without operations, host and front ends."""
        settings = Settings(store)
        tokens, directory = TokenIssuer(store, settings), Directory(store)
        return cls(
            paths=paths,
            urls=urls,
            store=store,
            settings=settings,
            tokens=tokens,
            directory=directory,
            federation=Federation(store, settings, tokens, directory),
            runners=Runners(store, settings, tokens, urls),
            authorization=Authorization(store, settings),
            blobs=Blobs(store, paths.blobs, lambda: time.time() + settings["storage_clock_seconds_ahead"]),
            faults=Faults(store),
            recorder=Recorder(MonitorClock(settings)),
        )

    def arm_audiences(self) -> Collection[str]:
        """The token audiences that Resource Manager accepts."""
        return (self.urls.resource_manager, "https://management.azure.com", "https://management.core.windows.net")
