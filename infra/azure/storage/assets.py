"""Uploads the files of assets, and reads and writes single blobs; imports azure-storage only for an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.azure.arm import Arm
from infra.azure.cloud import NOBODY, Follower, SourceFile
from infra.azure.storage.datastore import blob_url
from infra.azure.storage.signed_urls import SignedUrls
from infra.azure.workspace import Workspace
from infra.portal import Portal

if TYPE_CHECKING:
    from infra.azure.storage.uploads import Files


class AzureAssets:
    """Uploads for the assets of one workspace."""

    def __init__(self, workspace: Workspace, arm: Arm, portal: str = "", *, streamed: bool = False) -> None:
        """`portal` is the emulator's, empty on Azure.

        `streamed` has the files of the Hub pass through this machine, where all of them are hashed.
        """
        self._workspace = workspace
        self._arm = arm
        self._portal = portal
        self._streamed = streamed

    def upload(self, reference: Mapping[str, Any], files: Files, folder: str) -> str:
        """Upload files into a folder at the place of a pending upload; returns the folder's URL."""
        from infra.azure.storage.uploads import upload_pending

        return upload_pending(self._arm, reference, files, folder)

    def upload_to_workspace(self, files: Files, folder: str) -> str:
        """Upload files into a folder of the workspace's default datastore; returns the folder's `azureml://` path."""
        from infra.azure.storage.uploads import upload_to_workspace

        return upload_to_workspace(self._arm, self._workspace, files, folder)

    def send(
        self,
        files: Sequence[SourceFile],
        folder: str,
        *,
        about: Mapping[str, str] | None = None,
        token: str = "",
        follower: Follower = NOBODY,
    ) -> str:
        """Bring a model's files into a folder of the workspace's default datastore; returns its `azureml://` path."""
        from infra.azure.storage.transfer.send import Order, send

        order = Order(files, folder.strip("/"), about or {}, token, self._streamed)
        return send(self._arm, self._workspace, order, follower)

    def blob_url(self, uri: str) -> str:
        """The `https` URL of what a datastore's `azureml://` path names."""
        return blob_url(self._arm, self._workspace, uri)

    def link(self, folder: Path, files: Sequence[SourceFile], into: str, *, about: Mapping[str, str]) -> str:
        """Have the emulator read a folder's files where they are; returns the folder's `azureml://` path."""
        from infra.azure.storage.transfer.link import Link, link

        return link(self._arm, self._workspace, Portal(self._portal), Link(folder, files, into.strip("/"), about))

    def lacking(self, files: Sequence[SourceFile], folder: str) -> str:
        """The first file that a folder of the default datastore lacks; empty for none, or where nobody can say."""
        from infra.azure.storage.transfer.look import lacking

        return lacking(self._arm, self._workspace, files, folder)

    def remove(self, uri: str) -> None:
        """Delete the files of a folder of the default datastore."""
        from infra.azure.storage.transfer.remove import remove

        remove(self._arm, self._workspace, uri)

    @cached_property
    def _signed_urls(self) -> SignedUrls:
        return SignedUrls(self._arm)

    def put_blob(self, url: str, content: bytes) -> None:
        """Write the blob of a URL with a shared access signature."""
        self._signed_urls.put(url, content)

    def read_blob(self, url: str, start: int) -> bytes:
        """Read the blob of such a URL from this byte on; nothing where there is no more, or no blob yet."""
        return self._signed_urls.read(url, start)
