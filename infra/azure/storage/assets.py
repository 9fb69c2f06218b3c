"""Uploads the files of assets, and reads and writes single blobs; imports azure-storage only for an upload."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from infra.azure.arm import Arm
from infra.azure.storage.signed_urls import SignedUrls
from infra.azure.workspace import Workspace

if TYPE_CHECKING:
    from infra.azure.storage.uploads import Files


class AzureAssets:
    """Uploads for the assets of one workspace."""

    def __init__(self, workspace: Workspace, arm: Arm) -> None:
        self._workspace = workspace
        self._arm = arm

    def upload(self, reference: Mapping[str, Any], files: Files, folder: str) -> str:
        """Upload files into a folder at the place of a pending upload; returns the folder's URL."""
        from infra.azure.storage.uploads import upload_pending

        return upload_pending(self._arm, reference, files, folder)

    def upload_to_workspace(self, files: Files, folder: str) -> str:
        """Upload files into a folder of the workspace's default datastore; returns the folder's `azureml://` path."""
        from infra.azure.storage.uploads import upload_to_workspace

        return upload_to_workspace(self._arm, self._workspace, files, folder)

    @cached_property
    def _signed_urls(self) -> SignedUrls:
        return SignedUrls(self._arm)

    def put_blob(self, url: str, content: bytes) -> None:
        """Write the blob of a URL with a shared access signature."""
        self._signed_urls.put(url, content)

    def read_blob(self, url: str, start: int) -> bytes:
        """Read the blob of such a URL from this byte on; nothing where there is no more, or no blob yet."""
        return self._signed_urls.read(url, start)
