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
    """One file of a model, on this machine (`path`) or on the Hub (`url`, which names a commit)."""

    name: str
    """The path below the model's folder, with `/` between its parts."""
    size: int
    sha256: str = ""
    """In hex: what the Hub says of a large file, or what `infra.azure.storage.hashes` computed."""
    git_oid: str = ""
    """The Hub's hash of a small file: the SHA-1, in hex, of `blob SIZE`, a zero byte, and the content."""
    path: Path | None = None
    url: str = ""
    state: str = ""
    """What the file system said of the file when it was hashed; a file with another state is hashed again."""


class Progress(Protocol):
    """Is told how many bytes are done, of how many; called often, from several threads."""

    def __call__(self, done: int, total: int) -> None: ...


def no_progress(done: int, total: int) -> None:
    """Ignore it."""


def no_words(text: str) -> None:
    """Ignore it."""


class Follower(Struct, frozen=True):
    """Who follows a transfer."""

    progress: Progress = no_progress
    tell: Callable[[str], None] = no_words
    """Is told in a line what a person should know now."""
    detail: Callable[[str], None] = no_words
    """Is told in a few words what should be known of it afterwards."""


NOBODY = Follower()


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

    def send(
        self,
        files: Sequence[SourceFile],
        folder: str,
        *,
        about: Mapping[str, str] | None = None,
        token: str = "",
        follower: Follower = NOBODY,
    ) -> str:
        """Bring a model's files into a folder of the workspace's default datastore; returns its `azureml://` path.

        Continues what an earlier run began, and writes the manifest `gatelift-model.json` last; `about` are its
        `model` and `revision`. `token` opens the Hub, and is sent to the host of the files' URLs only.
        """

    def blob_url(self, uri: str) -> str:
        """The `https` URL of what a datastore's `azureml://` path names; raises `GateliftError` for any other."""

    def link(self, folder: Path, files: Sequence[SourceFile], into: str, *, about: Mapping[str, str]) -> str:
        """Have the emulator read a folder's files where they are, as the folder `into` of the default datastore.

        Returns the folder's `azureml://` path. There is no such thing on Azure.
        """

    def lacking(self, files: Sequence[SourceFile], folder: str) -> str:
        """The first file that a folder of the default datastore lacks, or has with another size; empty for none.

        Empty, too, where the storage does not say.
        """

    def remove(self, uri: str) -> None:
        """Delete the files of a folder of the default datastore, given by its `azureml://` path; it need not exist."""

    def put_blob(self, url: str, content: bytes) -> None:
        """Write the blob of a URL with a shared access signature."""

    def read_blob(self, url: str, start: int) -> bytes:
        """Read the blob of such a URL from this byte on; nothing where there is no more, or no blob yet."""


class Records(Protocol):
    """Keeps what was asked last of parked stacks; implemented by `infra.azure.storage.records.Records`."""

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of an endpoint; None where there is none."""

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Write the record of an endpoint."""

    def delete(self, name: str) -> None:
        """Delete the record of an endpoint; there need not be one."""


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
    records: Records

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
