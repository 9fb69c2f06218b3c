"""What resources and operations see of Azure, or of the emulator: one workspace and the means to read and change it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from infra.azure.workspace import Workspace
from infra.clock import Clock
from infra.reporter import Reporter

Tick = Callable[[], None]


class Management(Protocol):
    """Azure Resource Manager, as `infra.azure.arm.Arm` implements it."""

    def get(self, id: str, *, api_version: str = ...) -> dict[str, Any] | None: ...

    def list(self, id: str, *, api_version: str = ..., query: Mapping[str, str] | None = None) -> list[Any]: ...

    def post(self, id: str, body: Any = None, *, api_version: str = ...) -> dict[str, Any]: ...

    def put(self, id: str, body: Any, *, api_version: str = ...) -> dict[str, Any]: ...

    def delete(self, id: str, *, api_version: str = ...) -> None: ...

    def begin_put(self, id: str, body: Any) -> Any: ...

    def begin_patch(self, id: str, body: Any) -> Any: ...

    def begin_delete(self, id: str) -> Any | None: ...


class Poller(Protocol):
    """Waits for long-running operations, as `infra.azure.poller.ArmPoller` does."""

    def wait(self, operation: Any, tick: Tick = ...) -> None:
        """Wait until an operation has ended; raises the error it ended with. `tick` is called while waiting."""

    def wait_for_running(self, document: Mapping[str, Any], tick: Tick = ...) -> None:
        """Wait for the operation that an earlier run started on a resource, however it ends."""


class Assets(Protocol):
    """Creates what needs files uploaded, as `infra.azure.assets.AzureAssets` does."""

    def warm_up(self) -> None:
        """Begin to load what the two `put_` calls need: it takes seconds."""

    def put_environment(self, document: Mapping[str, Any], folder: Path) -> None:
        """Register an environment version; `document` is AML YAML, `folder` its build context."""

    def put_model(self, document: Mapping[str, Any], folder: Path) -> None:
        """Register a model version; `document` is AML YAML, `folder` its files."""

    def upload(self, sas_uri: str, folder: Path) -> None:
        """Upload a folder to the container that a shared access signature opens."""


class Cloud(Struct, frozen=True):
    """One workspace, the stack that is worked on, and the means to reach both."""

    workspace: Workspace
    stack: str
    management: Management
    poller: Poller
    assets: Assets
    clock: Clock
    reporter: Reporter

    @property
    def local(self) -> bool:
        """Whether this is the emulator."""
        return self.workspace.local

    @property
    def region(self) -> str:
        """The workspace's Azure region, which is the region of everything in it."""
        return self.workspace.location or str((self.management.get(self.workspace.id) or {}).get("location", ""))

    def delete(self, id: str) -> None:
        """Delete a resource and wait until it is gone; one that does not exist is fine."""
        if (operation := self.management.begin_delete(id)) is not None:
            self.poller.wait(operation)
