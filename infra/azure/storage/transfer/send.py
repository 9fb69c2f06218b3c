"""Sends the files of a model, and its manifest last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.arm import Arm
from infra.azure.cloud import Follower, SourceFile
from infra.azure.storage.datastore import datastore_path
from infra.azure.storage.hashes import hash_of, in_threads, state_of
from infra.azure.storage.transfer import blocks
from infra.azure.storage.transfer.hub_files import HubFiles
from infra.azure.storage.transfer.jobs import Compared, Copied, CopyRefused, FromDisk, Streamed, Way, about, changed
from infra.azure.storage.transfer.manifest import manifest
from infra.azure.storage.transfer.pool import Count, Job, Pool
from infra.azure.storage.transfer.service import Found, Service
from infra.azure.workspace import Workspace
from infra.model_files import MANIFEST

SMALL = 8 << 20  # bytes up to which a file of the Hub is sent through this machine, and so hashed


class Order(Struct, frozen=True):
    """What to send where; `streamed` has everything of the Hub pass through this machine, and hashed there."""

    files: Sequence[SourceFile]
    folder: str
    about: Mapping[str, str]
    token: str = ""
    streamed: bool = False


def send(arm: Arm, workspace: Workspace, order: Order, follower: Follower) -> str:
    """Bring the files into the workspace's default datastore; returns the folder's `azureml://` path."""
    service = Service(arm, workspace)
    try:
        hub = HubFiles(order.token, arm.timeouts, local=workspace.local, tell=follower.tell)
        _Sending(service, order, hub).run(follower)
    finally:
        service.close()
    return datastore_path(workspace, order.folder)


class _Sending:
    """One run."""

    def __init__(self, service: Service, order: Order, hub: HubFiles) -> None:
        self._service, self._order, self._hub = service, order, hub
        self._files = list(order.files)

    def run(self, follower: Follower) -> None:
        """Send what is not there yet, then the manifest."""
        self._files = in_threads([partial(hashed, file) for file in self._files])
        total = sum(file.size for file in self._files)
        copies = not self._order.streamed
        while True:
            count = Count(total, follower.progress)
            try:
                self._once(count, copies=copies)
            except CopyRefused as refused:
                follower.tell(f"{refused}: the files of the Hub pass through this machine")
                follower.detail(f"through this machine ({refused.code})")
                copies = False
            else:
                break
        content = manifest(self._files, self._order.about)
        self._service.put(f"{self._order.folder}/{MANIFEST}", content, {})

    def _once(self, count: Count, *, copies: bool) -> None:
        there = self._service.listed(self._order.folder)
        missing = []
        for file in self._files:
            if is_whole(file, there.get(f"{self._order.folder}/{file.name}")):
                count.add(file.size)
            else:
                missing.append(file)
        sent = [file for file in missing if file.path or not copies or not file.sha256 or file.size <= SMALL]
        copied = [file for file in missing if file not in sent]
        threads = blocks.threads_for(max([blocks.block_size(file.size) for file in sent], default=blocks.SENT))
        self._run(count, threads, [(FromDisk if file.path else Streamed, file) for file in sent])
        self._run(count, blocks.MOST_THREADS, [(Copied, file) for file in copied])
        self._run(count, blocks.MOST_THREADS, [(Compared, file) for file in copied])

    def _run(
        self, count: Count, threads: int, wanted: Sequence[tuple[Callable[[SourceFile, Way], Job], SourceFile]]
    ) -> None:
        pool = Pool(threads)
        way = Way(self._service, self._order.folder, count, pool.stop, self._hub)
        pool.run([job(file, way) for job, file in wanted])


def hashed(file: SourceFile) -> SourceFile:
    """The file with its SHA-256 as it is now; raises `GateliftError` where it is another one than it was."""
    if file.path is None:
        return file
    now = state_of(file.path)
    if file.sha256 and now == (file.size, file.state):
        return file
    found = hash_of(file.path)
    if state_of(file.path) != now or (file.sha256 and (found, now[0]) != (file.sha256, file.size)):
        raise changed(file)
    return replace(file, size=now[0], state=now[1], sha256=found)


def is_whole(file: SourceFile, found: Found | None) -> bool:
    """Whether a blob is this file: it has its size and says so itself."""
    known = about(file)
    if found is None or found.size != file.size or not known:
        return False
    name = "sha256" if "sha256" in known else "git_oid"
    return found.about.get(name) == known[name]
