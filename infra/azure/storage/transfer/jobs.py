"""The three ways of a file into a blob: from this machine, through it, and from the Hub without it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from infra.azure.cloud import SourceFile
from infra.azure.storage.hashes import state_of, unreadable
from infra.azure.storage.transfer import blocks
from infra.azure.storage.transfer.hub_files import HubFiles
from infra.azure.storage.transfer.ordered_hash import OrderedHash
from infra.azure.storage.transfer.pool import Count, Part, Stopped
from infra.azure.storage.transfer.service import Service
from infra.errors import GateliftError, NotFound, NotReady, Refused

AHEAD = 2 * blocks.MOST_THREADS
SAMPLE = 16 << 10  # bytes of each block that the service fetched, compared with the Hub's


class Way(Struct, frozen=True):
    """What all jobs of a run share."""

    service: Service
    folder: str
    count: Count
    stop: threading.Event
    hub: HubFiles

    def name(self, file: SourceFile) -> str:
        """The name of a file's blob."""
        return f"{self.folder}/{file.name}"


def about(file: SourceFile) -> dict[str, str]:
    """The metadata of a blob that is the whole file, as far as its hashes are known."""
    return {name: value for name, value in (("sha256", file.sha256), ("git_oid", file.git_oid)) if value}


class _InBlocks:
    """What jobs have in common: a blob that is whole once its block list is written."""

    def __init__(self, file: SourceFile, way: Way, each: int) -> None:
        self.file, self.way, self.each = file, way, each
        self.blob = way.name(file)
        self.blocks = list(blocks.blocks_of(file.size, each))

    def commit(self, names: Sequence[str], known: Mapping[str, str]) -> None:
        """Write the block list; where another run was faster, what it wrote must be the same file."""
        try:
            self.way.service.commit(self.blob, names, known)
        except Refused as error:
            found = self.way.service.find(self.blob) if error.code == "InvalidBlockList" else None
            if found is None or found.size != self.file.size or not known.items() <= found.about.items():
                raise


class FromDisk(_InBlocks):
    """A file of this machine, whose hash is known; it is watched for changes while it is sent."""

    def __init__(self, file: SourceFile, way: Way) -> None:
        super().__init__(file, way, blocks.block_size(file.size))
        self.names = [blocks.named_by_file(file.sha256, block, self.each) for block in self.blocks]

    def parts(self) -> Sequence[Part]:
        """A part for each block that is not there yet."""
        if len(self.blocks) <= 1:
            return [self._whole]
        there = self.way.service.blocks(self.blob)
        missing = [block for block in self.blocks if (self.names[block.index], block.size) not in there]
        self.way.count.add(self.file.size - sum(block.size for block in missing))
        return [partial(self._send, block) for block in missing]

    def finish(self) -> None:
        """Make the blob."""
        if len(self.blocks) > 1:
            self.commit(self.names, about(self.file))

    def _whole(self) -> None:
        self.way.service.put(self.blob, self._read(blocks.Block(0, 0, self.file.size)), about(self.file))
        self.way.count.add(self.file.size)

    def _send(self, block: blocks.Block) -> None:
        self.way.service.stage(self.blob, self.names[block.index], self._read(block))
        self.way.count.add(block.size)

    def _read(self, block: blocks.Block) -> bytes:
        path = self.file.path or Path()
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(block.start)
                content = file.read(block.size)
        except OSError as error:
            raise unreadable(path, error) from None
        if len(content) != block.size or state_of(path) != (self.file.size, self.file.state):
            raise changed(self.file)
        return content


class Streamed(_InBlocks):
    """A file of the Hub that goes through this machine's memory, and is hashed on its way.

    All of it is read, also where an earlier run has sent blocks: their names tell that they are right.
    """

    def __init__(self, file: SourceFile, way: Way) -> None:
        super().__init__(file, way, blocks.block_size(file.size))
        self._names: dict[int, str] = {}
        self._hash = OrderedHash(file, AHEAD, way.stop)
        self._there: frozenset[tuple[str, int]] = frozenset()

    def parts(self) -> Sequence[Part]:
        """A part for each block."""
        if len(self.blocks) <= 1:
            return [self._whole]
        self._there = self.way.service.blocks(self.blob)
        return [partial(self._pass, block) for block in self.blocks]

    def finish(self) -> None:
        """Make the blob if the file is the one that the Hub has listed."""
        if len(self.blocks) > 1:
            self._check()
            names = [self._names[block.index] for block in self.blocks]
            self.commit(names, about(self.file) | {"sha256": self._hash.sha256})

    def _whole(self) -> None:
        content = self.way.hub.read(self.file, 0, self.file.size)
        self._hash.add(0, content)
        self._check()
        self.way.service.put(self.blob, content, about(self.file) | {"sha256": self._hash.sha256})
        self.way.count.add(self.file.size)

    def _pass(self, block: blocks.Block) -> None:
        self._hash.until_near(block.index)
        content = self.way.hub.read(self.file, block.start, block.size)
        self._hash.add(block.index, content)
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        name = self._names[block.index] = blocks.named_by_content(block, md5)
        if (name, block.size) not in self._there:
            self.way.service.stage(self.blob, name, content, md5)
        self.way.count.add(block.size)

    def _check(self) -> None:
        if not self._hash.agrees:
            raise differs(self.file)


class CopyRefused(Exception):
    """The storage service cannot fetch a file from the Hub; `code` says why in a word."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Copied(_InBlocks):
    """A file of the Hub that the storage service fetches itself; the blob has yet to be compared."""

    def __init__(self, file: SourceFile, way: Way) -> None:
        super().__init__(file, way, blocks.block_size(file.size, blocks.COPIED))
        self.names = [blocks.named_by_source(file.sha256, block, self.each) for block in self.blocks]

    def parts(self) -> Sequence[Part]:
        """A part for each block that is not there yet."""
        if not self.way.hub.address(self.file):
            message = f"the Hub serves {self.file.name} itself, at no address that the storage service could fetch"
            raise CopyRefused(message, "no_signed_address")
        there = self.way.service.blocks(self.blob)
        missing = [block for block in self.blocks if (self.names[block.index], block.size) not in there]
        self.way.count.add(self.file.size - sum(block.size for block in missing))
        return [partial(self._fetch, block) for block in missing]

    def finish(self) -> None:
        """Make the blob."""
        self.commit(self.names, {})

    def _fetch(self, block: blocks.Block) -> None:
        signed = self.way.hub.address(self.file)
        try:
            self._stage(block, signed)
        except Refused:  # by the service or by its source, which may say that the address is too old
            try:
                self._stage(block, self.way.hub.address(self.file, instead_of=signed))
            except Refused as error:
                raise self._refused(error) from None
        except NotReady as error:
            raise self._refused(error) from None
        self.way.count.add(block.size)

    def _refused(self, error: GateliftError) -> CopyRefused:
        message = f"the storage service cannot fetch {self.file.name} from the Hub ({error.code}: {error})"
        return CopyRefused(message, error.code)

    def _stage(self, block: blocks.Block, signed: str) -> None:
        name = self.names[block.index]
        self.way.service.stage_from(self.blob, name, signed, (block.start, block.size))


class Compared(_InBlocks):
    """A blob that the service has fetched: a sample of each block is compared, then the blob is marked as whole."""

    def __init__(self, file: SourceFile, way: Way) -> None:
        super().__init__(file, way, blocks.block_size(file.size, blocks.COPIED))

    def parts(self) -> Sequence[Part]:
        """A part for each block."""
        return [partial(self._compare, block) for block in self.blocks]

    def finish(self) -> None:
        """Mark the blob."""
        self.way.service.describe(self.blob, about(self.file))

    def _compare(self, block: blocks.Block) -> None:
        size = min(SAMPLE, block.size)
        theirs = self.way.hub.read(self.file, block.start, size)
        try:
            if self.way.service.read(self.blob, block.start, size) == theirs:
                return
            self.way.service.delete(self.blob)
        except NotFound:  # another part was faster
            raise Stopped from None
        raise differs(self.file)


def changed(file: SourceFile) -> GateliftError:
    """The error for a file that somebody writes into."""
    hint = "run the command again once nothing writes to the folder: what has arrived stays"
    return GateliftError(f"{file.path} changed while it was sent", hint=hint, code="file_changed")


def differs(file: SourceFile) -> Refused:
    """The error for a file with another content than the Hub says."""
    message = f"{file.url} arrived with another content than the Hub says, and was not kept"
    return Refused(message, hint="run the command again", code="hub_file_differs")
