"""The workspace's own container, through azure-storage-blob, with whatever opens it at the moment."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs

from msgspec import Struct

from infra.azure.arm import Arm
from infra.azure.storage.datastore import Container, workspace_container
from infra.azure.storage.uploads import KEYS_REFUSED, Place, open_container
from infra.azure.workspace import Workspace
from infra.errors import AccessDenied, NotFound, Refused

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

T = TypeVar("T")
WHAT = "upload to the workspace's storage account"
TRIES = 5  # 35 seconds in all
AHEAD_S = 300.0
EXPIRED = "AuthenticationFailed"
OTHER_NAMES, THERE = "InvalidBlobOrBlock", "BlobAlreadyExists"


class Found(Struct, frozen=True):
    """A blob that is there: its size and its metadata."""

    size: int
    about: Mapping[str, str]


class Service:
    """Requests about blobs; safe to use from many threads.

    A shared access signature lasts an hour: shortly before it expires another is asked for, and when it was refused.
    Where the storage account refuses keys and their signatures, the login is used from then on.
    """

    def __init__(self, arm: Arm, workspace: Workspace, now: Callable[[], float] = time.time) -> None:
        self._arm, self._workspace, self._now = arm, workspace, now
        self._lock = threading.Lock()
        self._client: ContainerClient | None = None
        self._container: Container | None = None
        self._keyless = False
        self._until = math.inf

    def close(self) -> None:
        """Close its connections."""
        if self._client:
            self._client.close()

    def listed(self, folder: str) -> dict[str, Found]:
        """The blobs below a folder; empty where the caller may not list them, which an upload need not."""
        try:
            return self.list(folder)
        except AccessDenied:
            return {}

    def list(self, folder: str) -> dict[str, Found]:
        """The blobs below a folder; raises `AccessDenied` where the caller may not list them."""
        found = self._do(lambda client: [*client.list_blobs(f"{folder}/", include=["metadata"])])
        return {blob.name: Found(blob.size, dict(blob.metadata or {})) for blob in found}

    def find(self, name: str) -> Found | None:
        """One blob; None where there is none."""
        try:
            blob = self._do(lambda client: client.get_blob_client(name).get_blob_properties())
        except NotFound:
            return None
        return Found(blob.size, dict(blob.metadata or {}))

    def put(self, name: str, content: bytes, about: Mapping[str, str]) -> None:
        """Write a small blob."""
        self._do(lambda client: client.upload_blob(name, content, overwrite=True, metadata=dict(about)))

    def blocks(self, name: str) -> frozenset[tuple[str, int]]:
        """Names and sizes of the blocks that are there for a blob, whether it is complete or not."""
        try:
            found = self._do(lambda client: client.get_blob_client(name).get_block_list("all"))
        except (NotFound, AccessDenied):
            return frozenset()
        return frozenset((block.id, block.size) for blocks in found for block in blocks)

    def stage(self, name: str, block: str, content: bytes, md5: bytes | None = None) -> None:
        """Send a block; the service compares it with its MD5, if there is one."""
        import base64

        headers = {"Content-MD5": base64.b64encode(md5).decode()} if md5 else {}
        self._stage(name, lambda client: client.get_blob_client(name).stage_block(block, content, headers=headers))

    def stage_from(self, name: str, block: str, url: str, part: tuple[int, int]) -> None:
        """Have the service fetch a block, which is a part of what is at a URL: its first byte and its length."""
        # A source that does not answer is a 5xx of the service, so the tries decide how long that is waited for.
        self._stage(
            name, lambda client: client.get_blob_client(name).stage_block_from_url(block, url, *part, retry_total=3)
        )

    def commit(self, name: str, blocks: Sequence[str], about: Mapping[str, str]) -> None:
        """Make the blob of its blocks."""
        from azure.storage.blob import BlobBlock

        named = [BlobBlock(block) for block in blocks]
        self._do(lambda client: client.get_blob_client(name).commit_block_list(named, metadata=dict(about)))

    def describe(self, name: str, about: Mapping[str, str]) -> None:
        """Replace a blob's metadata."""
        self._do(lambda client: client.get_blob_client(name).set_blob_metadata(dict(about)))

    def read(self, name: str, start: int, size: int) -> bytes:
        """A part of a blob."""
        return self._do(lambda client: client.download_blob(name, start, size).readall())

    def delete(self, name: str) -> None:
        """Remove a blob."""
        self._do(lambda client: client.delete_blob(name))

    def _stage(self, name: str, call: Callable[[ContainerClient], object]) -> None:
        """Stage a block; blocks of others, with names of another length, make way where they are no blob yet."""
        try:
            self._do(call)
        except Refused as error:
            if error.code != OTHER_NAMES:
                raise
            try:
                self._do(lambda client: client.upload_blob(name, b"", overwrite=False))
            except Refused as there:
                if there.code != THERE:  # another thread was faster, or it is a blob
                    raise
            self._do(call)

    def _do(self, call: Callable[[ContainerClient], T]) -> T:
        from infra.azure.storage.blob_errors import as_gatelift_errors

        client = self._opened()
        try:
            with as_gatelift_errors(WHAT):
                return call(client)
        except AccessDenied as error:
            if not self._opens_anew(client, error.code):
                raise
        with as_gatelift_errors(WHAT):
            return call(self._opened())

    def _opened(self) -> ContainerClient:
        with self._lock:
            # The service refuses a large request before it has read it all, which can look like a cut connection.
            if self._client is None or self._now() > self._until - AHEAD_S:
                found = workspace_container(self._arm, self._workspace)
                self._container = Container(found.url, found.account) if self._keyless else found
                place = Place(self._container.url, "", self._container.signature, self._container.key)
                self._client = open_container(self._arm, place, tries=TRIES)
                self._until = _expiry(self._container.signature)
            return self._client

    def _opens_anew(self, used: ContainerClient, code: str) -> bool:
        """Whether another try is worth it, with a new signature or with the login."""
        with self._lock:
            if self._client is not used:
                return True  # another thread was faster
            by_key = bool(self._container and (self._container.signature or self._container.key))
            if not by_key or code not in (KEYS_REFUSED, EXPIRED):
                return False
            self._keyless = code == KEYS_REFUSED
            self._client = None
            return True


def _expiry(signature: str) -> float:
    """When a signature expires, in seconds since 1970; never where it does not say."""
    try:
        return datetime.fromisoformat(parse_qs(signature)["se"][0]).timestamp()
    except (KeyError, ValueError):
        return math.inf
