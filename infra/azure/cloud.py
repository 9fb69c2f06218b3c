"""What a resource may ask of the outside world: one workspace, seen through ARM and through the SDK."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct, field

from infra.clock import Clock
from infra.reporter import Reporter
from infra.timeouts import Patience

PROVIDER = "Microsoft.MachineLearningServices"
Tick = Callable[[], None]


class Management(Protocol):
    """Raw Resource Manager, as `infra.azure.arm.Arm` has it."""

    def get(self, id: str, *, api_version: str = ...) -> dict[str, Any] | None: ...

    def list(self, id: str, *, api_version: str = ..., query: Mapping[str, str] | None = None) -> list[Any]: ...

    def post(self, id: str, body: Any = None, *, api_version: str = ...) -> dict[str, Any]: ...

    def put(self, id: str, body: Any, *, api_version: str = ...) -> dict[str, Any]: ...

    def delete(self, id: str, *, api_version: str = ...) -> None: ...


class Sdk(Protocol):
    """azure-ai-ml, as `infra.azure.sdk.Aml` has it: every call takes an AML YAML document."""

    def put_environment(self, document: Mapping[str, Any], folder: Path) -> None: ...

    def put_model(self, document: Mapping[str, Any], folder: Path) -> None: ...


class WorkspaceAddress(Struct, frozen=True):
    """Which workspace, and the ids of what lies in it."""

    subscription_id: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """The workspace's ARM id."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/{PROVIDER}/workspaces/{self.name}"

    def asset(self, collection: str, name: str, version: str) -> str:
        """The id of a versioned asset, e.g. `models`."""
        return f"{self.id}/{collection}/{name}/versions/{version}"

    def connection(self, name: str) -> str:
        """A connection's id."""
        return f"{self.id}/connections/{name}"

    def endpoint(self, name: str) -> str:
        """An endpoint's id."""
        return f"{self.id}/onlineEndpoints/{name}"

    def deployment(self, endpoint: str, name: str) -> str:
        """A deployment's id."""
        return f"{self.endpoint(endpoint)}/deployments/{name}"

    def asset_id(self, collection: str, reference: str) -> str:
        """The id that `azureml:NAME:VERSION` means here; anything else as it is."""
        parts = reference.removeprefix("azureml:").split(":")
        named = reference.startswith("azureml:") and not reference.startswith("azureml://") and len(parts) == 2
        return self.asset(collection, *parts) if named else reference

    def in_location(self, location: str, collection: str) -> str:
        """What the provider tells about a region: `usages`, `vmSizes`."""
        return f"/subscriptions/{self.subscription_id}/providers/{PROVIDER}/locations/{location}/{collection}"


class Cloud(Struct, frozen=True):
    """One workspace and the means to reach it; `wait` brings an operation to its end."""

    workspace: WorkspaceAddress
    management: Management
    open_sdk: Callable[[], Sdk]
    wait: Callable[[Any, Tick], None]
    wait_for_running: Callable[[Mapping[str, Any], Tick], None]
    begin_delete: Callable[[str], Any]
    begin_patch: Callable[[str, Any], Any]
    begin_put: Callable[[str, Any], Any]
    upload: Callable[[str, Path], None]
    clock: Clock
    reporter: Reporter
    stack: str = ""
    location: str = ""
    local: bool = False
    patience: Patience = field(default_factory=Patience)
    notes: list[str] = field(default_factory=list)

    @property
    def sdk(self) -> Sdk:
        """azure-ai-ml; importing it takes seconds, so only what changes something asks for it."""
        return self.open_sdk()

    @property
    def region(self) -> str:
        """The workspace's Azure region: everything in a workspace lies where it lies."""
        return self.location or str((self.management.get(self.workspace.id) or {}).get("location", ""))

    def delete(self, id: str) -> None:
        """Delete a resource and wait until it is gone; absent is fine."""
        if (operation := self.begin_delete(id)) is not None:
            self.wait(operation, lambda: None)
