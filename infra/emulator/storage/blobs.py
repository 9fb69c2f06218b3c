"""Blobs: their contents in files, their properties in the store."""

import base64
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from infra.emulator.errors import DeploymentFailed
from infra.emulator.state.store import Store
from infra.emulator.storage.blocks import Blocks, part_of
from infra.emulator.storage.leases import Lease, Leases
from infra.emulator.storage.links import Links, properties
from infra.emulator.storage.shared_access import SharedAccess
from infra.emulator.storage.user_delegation import UserDelegation


class Blobs:
    """Containers and their blobs; `now` is the service's own clock."""

    def __init__(self, store: Store, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._folder = folder
        self.leases = Leases(now)
        self.links = Links(store)
        self.shared_access = SharedAccess(store)
        self.delegation = UserDelegation(self.shared_access.secret, now)

    def create_container(self, name: str, account_id: str) -> None:
        """Create a container of a storage account, whose ARM id decides who may read it with a token."""
        if not self.container(name):
            self._store.put_record("container", name, {"account_id": account_id})

    def container(self, name: str) -> dict[str, Any] | None:
        """The record of a container."""
        return self._store.record("container", name)

    def account(self, name: str) -> str:
        """The ARM id of the storage account of this name; empty where no container is in one."""
        ids = {str(kept["account_id"]) for kept in self._store.records("container").values()}
        return next((id for id in sorted(ids) if id.lower().endswith(f"/{name.lower()}")), "")

    def get(self, container: str, name: str) -> dict[str, Any] | None:
        """The properties of a blob: size, etag, modified, content_type, metadata, blocks, lease."""
        kept = self._store.record("blob", f"{container}/{name}")
        if kept is None and (linked := self.links.file(container, name)):
            return properties(linked)
        return kept

    def content(self, container: str, name: str) -> Path:
        """The file that holds a blob's bytes; for a linked one the file that it shows."""
        if not self._store.record("blob", f"{container}/{name}") and (linked := self.links.file(container, name)):
            return linked
        return self._own(container, name)

    def files(self, uri: str) -> list[tuple[str, Path]]:
        """The files of a blob, a folder of blobs or an asset: the path below the folder and the file with the bytes.

        Raises `DeploymentFailed` where there are none.
        """
        container, path = self.locate(uri)
        found = []
        for name in self.names(container, path):
            if _below(name, path):
                inner = PurePosixPath(name).relative_to(path) if name != path else PurePosixPath(path).name
                relative = PurePosixPath(inner)
                if relative.is_absolute() or ".." in relative.parts:
                    raise DeploymentFailed("BadArgument", f"Unable to download: '{name}' leaves its folder.")
                found.append((str(relative), self.content(container, name)))
        if not found:
            raise DeploymentFailed("BadArgument", f"Unable to download: there is nothing at '{uri}'.")
        return found

    def put(self, container: str, name: str, data: bytes, **known: Any) -> dict[str, Any]:
        """Create or replace a blob."""
        part = self.new_part(container, name)
        part.write_bytes(data)
        digest = hashlib.md5(data, usedforsecurity=False).digest()
        return self.take(container, name, part, {**known, "md5": base64.b64encode(digest).decode()})

    def new_part(self, container: str, name: str) -> Path:
        """A file to write a blob's content into, for `take`."""
        path = self._own(container, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return part_of(path)

    def take(self, container: str, name: str, part: Path, known: dict[str, Any]) -> dict[str, Any]:
        """Create or replace a blob, whose content this file becomes."""
        lease = (self.get(container, name) or {}).get("lease")
        kept = {
            "content_type": "application/octet-stream",
            "metadata": {},
            "blocks": [],
            **known,
            # A write ends a lease that was broken or has expired.
            "lease": lease if self.leases.state(lease) in ("leased", "breaking") else None,
            "size": part.stat().st_size,
            "etag": _etag(),
            "modified": _now(),
        }
        os.replace(part, self._own(container, name))
        part.unlink(missing_ok=True)  # where both were names of one file, they still are
        self._store.put_record("blob", f"{container}/{name}", kept)
        return kept

    def blocks(self, container: str, name: str) -> Blocks:
        """The blob's blocks that no block list has named yet."""
        return Blocks(self._own(container, name))

    def committed(self, container: str, name: str) -> list[dict[str, Any]]:
        """The names and sizes of the blocks of which a blob is made, in their order."""
        kept = self._store.record("blob", f"{container}/{name}")
        return list(kept["blocks"]) if kept else []

    def set_metadata(self, container: str, name: str, metadata: dict[str, str]) -> dict[str, Any] | None:
        """Replace a blob's metadata; None where there is no such blob."""
        kept = self.get(container, name)
        if kept:
            kept |= {"metadata": metadata, "etag": _etag(), "modified": _now()}
            self._store.put_record("blob", f"{container}/{name}", kept)
        return kept

    def set_lease(self, container: str, name: str, lease: Lease | None) -> dict[str, Any]:
        """Replace the lease of a blob that exists."""
        kept = {**(self.get(container, name) or {}), "lease": lease}
        self._store.put_record("blob", f"{container}/{name}", kept)
        return kept

    def delete(self, container: str, name: str) -> bool:
        """Remove a blob; False where there was none."""
        if not self.get(container, name):
            return False
        self._store.delete_record("blob", f"{container}/{name}")
        self.links.drop(container, name)
        self._own(container, name).unlink(missing_ok=True)
        self.blocks(container, name).drop()
        return True

    def names(self, container: str, prefix: str = "") -> dict[str, dict[str, Any]]:
        """The blobs of a container by name."""
        start = len(container) + 1
        own = {key[start:]: kept for key, kept in self._store.records("blob", f"{container}/{prefix}").items()}
        linked = self.links.names(container, prefix)
        return dict(sorted((linked | own).items())) if linked else own

    def download(self, uri: str, into: Path) -> None:
        """Copy a blob, a folder of blobs or an asset's files below `into`; `DeploymentFailed` if there are none."""
        for relative, path in self.files(uri):
            target = into / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def locate(self, uri: str) -> tuple[str, str]:
        """Container and path of a blob URL, a datastore URI or the ARM id of a code or model version."""
        document = self._store.get(uri) if uri.lower().startswith("/subscriptions/") else None
        if document:
            uri = document["properties"].get("codeUri") or document["properties"].get("modelUri") or uri
        path = unquote(urlsplit(uri).path)
        if uri.lower().startswith("azureml://"):
            workspace, _, rest = f"/{uri[len('azureml://') :]}".partition("/datastores/")
            name, _, path = rest.partition("/paths/")
            workspace = workspace.replace(
                "/workspaces/", "/providers/Microsoft.MachineLearningServices/workspaces/"
            ).replace("/resourcegroups/", "/resourceGroups/")
            datastore = self._store.get(f"{workspace}/datastores/{name}")
            if datastore:
                return datastore["properties"]["containerName"], path.strip("/")
        # The SDK writes the account's host name in several ways; the container's name is unique here.
        segments = path.strip("/").split("/")
        for index, segment in enumerate(segments):
            if self.container(segment):
                return segment, "/".join(segments[index + 1 :])
        raise DeploymentFailed("BadArgument", f"Unable to download: '{uri}' is not in this emulator's storage.")

    def _own(self, container: str, name: str) -> Path:
        return self._folder / container / hashlib.sha256(name.encode()).hexdigest()


def _below(name: str, path: str) -> bool:
    return not path or name == path or name.startswith(f"{path}/")


def _etag() -> str:
    return f'"0x{uuid.uuid4().hex[:15].upper()}"'


def _now() -> str:
    return datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
