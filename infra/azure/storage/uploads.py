"""Uploads files to blob storage; the only module that imports azure-storage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.azure.arm import Arm
from infra.azure.storage.datastore import datastore_path, workspace_container
from infra.azure.workspace import Workspace
from infra.digests import content_digest
from infra.errors import AccessDenied

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

KEYS_REFUSED = "KeyBasedAuthenticationNotPermitted"
Files = Sequence[tuple[str, Path]]


@dataclass(frozen=True)
class Place:
    """A folder of a blob container; without signature and key, the login itself must give access."""

    container: str
    folder: str
    signature: str = ""
    key: str = ""
    by_content: bool = False
    """Whether the folder's name is a hash of what is in it, so that files may be there already."""

    @property
    def url(self) -> str:
        """The folder's URL."""
        return f"{self.container}/{self.folder}"


def upload_to_workspace(arm: Arm, workspace: Workspace, files: Files, folder: str) -> str:
    """Upload files to the workspace's default datastore, into a folder below a hash of their content.

    Files that are there already are not sent again. Returns the folder's datastore path (`azureml://…`).
    """
    container = workspace_container(arm, workspace)
    below = f"LocalUpload/{content_digest(files)}/{folder}"
    place = Place(container.url, below, container.signature, container.key, True)
    upload(arm, place, files)
    return datastore_path(workspace, below)


def upload_pending(arm: Arm, reference: Mapping[str, Any], files: Files, folder: str) -> str:
    """Upload to the place of a pending upload, into a folder; returns the folder's URL.

    `reference` is the `blobReferenceForConsumption` of `startPendingUpload`. Azure names the code's folder in the
    container after the end of that URL, so it must not be the blob container itself.
    """
    signed = str((reference.get("credential") or {}).get("sasUri") or "")
    place = Place(str(reference["blobUri"]).rstrip("/"), folder, signed.partition("?")[2])
    upload(arm, place, files)
    return place.url


def upload(arm: Arm, place: Place, files: Files) -> None:
    """Upload with the signature or key; with the login where there is none, or where the account refuses keys."""
    try:
        _send(arm, place, files)
    except AccessDenied as error:
        if error.code != KEYS_REFUSED or not (place.signature or place.key):
            raise
        _send(arm, replace(place, signature="", key=""), files)


def put(arm: Arm, place: Place, name: str, content: bytes) -> None:
    """Write one blob below the folder."""
    from infra.azure.storage.blob_errors import as_gatelift_errors

    with open_container(arm, place) as container, as_gatelift_errors("upload to the workspace's storage account"):
        container.upload_blob(f"{place.folder}/{name}", content, overwrite=True)


def _send(arm: Arm, place: Place, files: Files) -> None:
    from infra.azure.storage.blob_errors import as_gatelift_errors

    what = "upload to the workspace's storage account"
    with open_container(arm, place) as container:
        there = _blobs(container, place) if place.by_content else {}
        for relative, path in files:
            name, content = f"{place.folder}/{relative}", path.read_bytes()
            if there.get(name) != hashlib.md5(content, usedforsecurity=False).digest():
                with as_gatelift_errors(what):
                    container.upload_blob(name, content, overwrite=True)


def _blobs(container: ContainerClient, place: Place) -> dict[str, bytes]:
    """The blobs of the folder with the MD5 of each; empty where they may not be listed, which an upload need not."""
    from infra.azure.storage.blob_errors import as_gatelift_errors

    try:
        with as_gatelift_errors("list the workspace's storage account"):
            found = list(container.list_blobs(name_starts_with=f"{place.folder}/"))
    except AccessDenied:
        return {}
    return {blob.name: bytes(blob.content_settings.content_md5 or b"") for blob in found}


def open_container(arm: Arm, place: Place, *, tries: int = 3) -> ContainerClient:
    """A client of the container that a place is in, which sends a request that fails so often again."""
    from azure.storage.blob import ContainerClient, ExponentialRetry  # takes 0.7 s, so only when something is uploaded

    settings: dict[str, Any] = {"connection_timeout": arm.timeouts.connect, "read_timeout": arm.timeouts.request}
    # By default the package waits 15 seconds before its second try.
    kinds: dict[str, Any] = dict.fromkeys(("retry_connect", "retry_read", "retry_status"), tries)
    settings["retry_policy"] = ExponentialRetry(
        initial_backoff=1, increment_base=2, retry_total=tries, random_jitter_range=1, **kinds
    )
    if arm.ca_bundle:
        settings["connection_verify"] = arm.ca_bundle
    url = f"{place.container}?{place.signature}" if place.signature else place.container
    credential: Any = None if place.signature else place.key or arm.credential
    return ContainerClient.from_container_url(url, credential, **settings)
