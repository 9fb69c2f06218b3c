"""The interface through which resources and operations use one workspace, on Azure or on the emulator."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from infra.azure.locks.endpoint import when_free
from infra.azure.locks.leases import Locks
from infra.azure.workspace import Workspace
from infra.clock import Clock
from infra.reporter import Reporter

Tick = Callable[[], None]
T = TypeVar("T")


class SourceFile(Struct, frozen=True):
    """One file to bring into a workspace: from this machine (`path`), or from the Hub (`url`)."""

    name: str
    """Its path below the folder, with `/` between the parts."""
    size: int
    sha256: str = ""
    """In hex, of the Hub (for large files) or computed; empty where nobody knows it."""
    git_oid: str = ""
    """The Hub's hash of a small file: SHA-1 of `blob SIZE`, a zero byte and the content."""
    path: Path | None = None
    url: str = ""
    """The address at a commit."""


class Management(Protocol):
    """Requests to Azure Resource Manager; `infra.azure.arm.Arm` implements it and documents the methods."""

    def get(self, id: str, *, api_version: str = ...) -> dict[str, Any] | None: ...

    def list(self, id: str, *, api_version: str = ..., query: Mapping[str, str] | None = None) -> list[Any]: ...

    def post(self, id: str, body: Any = None, *, api_version: str = ...) -> dict[str, Any]: ...

    def put(self, id: str, body: Any, *, api_version: str = ...) -> dict[str, Any]: ...

    def delete(self, id: str, *, api_version: str = ...) -> None: ...

    def begin_put(self, id: str, body: Any) -> Any: ...

    def begin_patch(self, id: str, body: Any) -> Any: ...

    def begin_delete(self, id: str) -> Any | None: ...


class Poller(Protocol):
    """Waits for long-running operations; implemented by `infra.azure.poller.ArmPoller`."""

    def wait(self, operation: Any, tick: Tick = ...) -> None:
        """Wait until an operation has ended; raises its error if it failed. `tick` is called repeatedly meanwhile."""

    def wait_for_running(self, document: Mapping[str, Any], tick: Tick = ...) -> None:
        """Wait for the operation that an earlier run started on a resource; it is no error if it failed."""


class Assets(Protocol):
    """Uploads the files of assets; implemented by `infra.azure.storage.assets.AzureAssets`."""

    def upload(self, reference: Mapping[str, Any], files: Sequence[tuple[str, Path]], folder: str) -> str:
        """Upload files into a folder at the place of a pending upload; returns the folder's URL.

        `files` are pairs of the path below the folder and the path on disk, `reference` is the
        `blobReferenceForConsumption` of `startPendingUpload`.
        """

    def upload_to_workspace(self, files: Sequence[tuple[str, Path]], folder: str) -> str:
        """Upload files into a folder of the workspace's default datastore; returns the folder's `azureml://` path."""

    def put_blob(self, url: str, content: bytes) -> None:
        """Write the blob of a URL with a shared access signature."""

    def read_blob(self, url: str, start: int) -> bytes:
        """Read the blob of such a URL from this byte on; nothing where there is no more, or no blob yet."""


class Cloud(Struct, frozen=True):
    """One workspace, the name of the stack that is worked on, and everything needed to read and change them."""

    workspace: Workspace
    stack: str
    management: Management
    poller: Poller
    assets: Assets
    clock: Clock
    reporter: Reporter
    locks: Locks

    @property
    def local(self) -> bool:
        """Whether this is the emulator."""
        return self.workspace.local

    @property
    def region(self) -> str:
        """The workspace's Azure region, which is the region of everything in it."""
        return self.workspace.location or str((self.management.get(self.workspace.id) or {}).get("location", ""))

    def begin(self, start: Callable[[], T]) -> T:
        """Start to change an endpoint or a deployment; waits while Azure refuses that because the endpoint is changing.

        Raises `Refused` where the lock under which this is done was lost.
        """
        self.locks.check()
        return when_free(start, self.clock, self.reporter, local=self.local, longest=self.locks.longest)

    def delete(self, id: str) -> None:
        """Delete a resource and wait until it is gone; it need not exist."""
        if (operation := self.begin(lambda: self.management.begin_delete(id))) is not None:
            self.poller.wait(operation)
