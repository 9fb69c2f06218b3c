"""What the emulator's parts share: made once when the server starts and handed to each of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from infra.emulator.state_paths import StatePaths

if TYPE_CHECKING:
    from infra.emulator.gateway.faults import Faults
    from infra.emulator.identity.authorization import Authorization
    from infra.emulator.identity.directory import Directory
    from infra.emulator.identity.tokens import TokenIssuer
    from infra.emulator.operations import Operations
    from infra.emulator.settings import Settings
    from infra.emulator.storage.blobs import Blobs
    from infra.emulator.store import Store


class DeploymentFailed(Exception):
    """A deployment could not be brought up: `code` and `message` become the error of its long-running operation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"({code}) {message}")
        self.code = code
        self.message = message


@dataclass
class Urls:
    """Where the emulator listens, without a slash at the end; filled before the first request."""

    resource_manager: str = ""
    hub: str = ""
    identity_endpoint: str = ""
    portal: str = ""


class Host(Protocol):
    """Runs deployments: each instance is a supervised process of its own."""

    async def start(self, deployment_id: str) -> None:
        """Bring the deployment to what the store says; `DeploymentFailed` where that is not possible."""

    async def stop(self, deployment_id: str) -> None:
        """End every instance of the deployment."""

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """The last `tail` lines of `InferenceServer` or `StorageInitializer`."""

    def ready(self, deployment_id: str) -> list[str]:
        """Base URLs of the instances that are ready."""

    def instances(self, deployment_id: str) -> list[dict[str, object]]:
        """What is known of each instance: pid, port, ready, restarts, last_exit."""

    async def close(self) -> None:
        """End every process that was started."""


class FrontEnds(Protocol):
    """Listens for the clients of endpoints: one port for each."""

    async def open(self, endpoint_id: str) -> str:
        """Listen for this endpoint; returns `http://127.0.0.1:PORT`."""

    async def close(self, endpoint_id: str) -> None:
        """Stop listening for this endpoint."""

    async def close_all(self) -> None:
        """Stop listening for all endpoints."""


@dataclass
class World:
    """Everything that the parts of one emulator share."""

    paths: StatePaths
    urls: Urls
    store: "Store"
    settings: "Settings"
    tokens: "TokenIssuer"
    authorization: "Authorization"
    blobs: "Blobs"
    faults: "Faults"
    directory: "Directory" = field(init=False)
    operations: "Operations" = field(init=False)
    host: Host = field(init=False)
    front_ends: FrontEnds = field(init=False)

    def arm_audiences(self) -> Collection[str]:
        """Token audiences that the control plane accepts."""
        return (self.urls.resource_manager, "https://management.azure.com", "https://management.core.windows.net")
