"""Creates the assets that need uploaded files; imports azure-ai-ml and azure-storage only when one is created."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.azure.arm import Arm
from infra.azure.azure_clouds import AzureCloud
from infra.azure.storage.signed_urls import SignedUrls
from infra.azure.workspace import Workspace

if TYPE_CHECKING:
    from infra.azure.sdk.client import Sdk
    from infra.azure.sdk.uploads import Files


class AzureAssets:
    """Creates assets in one workspace of one of Azure's clouds."""

    def __init__(self, workspace: Workspace, arm: Arm, azure: AzureCloud) -> None:
        self._workspace = workspace
        self._arm = arm
        self._azure = azure

    @cached_property
    def _sdk(self) -> Sdk:
        from infra.azure.sdk.client import Sdk

        return Sdk(self._workspace, self._arm, self._azure)

    def warm_up(self) -> None:
        """Start to import azure-ai-ml in the background."""
        self._sdk.warm_up()

    def put_model(self, document: Mapping[str, Any], folder: Path) -> None:
        """Create a model version; `document` is its Azure ML YAML, `folder` has its files."""
        self._sdk.put_model(document, folder)

    def upload(self, reference: Mapping[str, Any], files: Files, folder: str) -> str:
        """Upload files into a folder at the place of a pending upload; returns the folder's URL."""
        from infra.azure.sdk.uploads import upload_pending

        return upload_pending(self._arm, reference, files, folder)

    @cached_property
    def _signed_urls(self) -> SignedUrls:
        return SignedUrls(self._arm)

    def put_blob(self, url: str, content: bytes) -> None:
        """Write the blob of a URL with a shared access signature."""
        self._signed_urls.put(url, content)

    def read_blob(self, url: str, start: int) -> bytes:
        """Read the blob of such a URL from this byte on; nothing where there is no more, or no blob yet."""
        return self._signed_urls.read(url, start)
