"""Blocks that no block list has named yet, and the blobs that are made of blocks.

Limits as in https://learn.microsoft.com/rest/api/storageservices/put-block and …/put-block-list
"""

import base64
import binascii
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from infra.emulator.storage.documents import StorageError

LARGEST_BLOCK = 4000 << 20
MOST_BLOCKS, MOST_UNCOMMITTED = 50_000, 100_000
COPIED_AT_ONCE = 64 << 20
KINDS = ("Latest", "Committed", "Uncommitted")


class Piece(Struct, frozen=True):
    """A block as a part of a file."""

    name: str
    file: Path
    start: int
    size: int


class Blocks:
    """The uncommitted blocks of one blob, each in a file whose name is the block's id."""

    def __init__(self, content: Path) -> None:
        self._content = content
        self._folder = content.with_name(f"{content.name}.blocks")

    def place(self, name: str) -> Path:
        """Where the block of this id goes; `StorageError` for an id that the service refuses."""
        path = self._folder / _file_name(name)
        others = next(iter(self._names()), None)
        if others is not None and len(_decoded(others)) != len(_decoded(name)):
            raise StorageError(400, "InvalidBlobOrBlock")
        if not path.exists() and len(self._names()) >= MOST_UNCOMMITTED:
            raise StorageError(409, "BlockCountExceedsLimit")
        return path

    def uncommitted(self) -> list[Piece]:
        """The blocks, by their ids."""
        found = [(name, self._folder / _file_name(name)) for name in self._names()]
        return [Piece(name, file, 0, file.stat().st_size) for name, file in sorted(found)]

    def chosen(self, wanted: Sequence[tuple[str, str]], committed: Sequence[dict[str, Any]]) -> list[Piece]:
        """The blocks of a block list, which are pairs of kind and id; `StorageError` where one is not there."""
        if len(wanted) > MOST_BLOCKS:
            raise StorageError(400, "BlockListTooLong")
        fresh, kept, start = {piece.name: piece for piece in self.uncommitted()}, {}, 0
        for block in committed:
            kept[block["name"]] = Piece(block["name"], self._content, start, block["size"])
            start += block["size"]
        places = {"Uncommitted": fresh, "Committed": kept, "Latest": kept | fresh}
        if any(kind not in places for kind, _ in wanted):
            raise StorageError(400, "InvalidXmlDocument")
        found = [places[kind].get(name) for kind, name in wanted]
        if None in found:
            raise StorageError(400, "InvalidBlockList")
        return [piece for piece in found if piece is not None]

    def drop(self) -> None:
        """Remove the blocks."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _names(self) -> list[str]:
        try:
            files = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return [name.replace("_", "/") for name in files]


def part_of(path: Path) -> Path:
    """A file beside this one, to write into before it takes its place."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


def assemble(pieces: Sequence[Piece], target: Path) -> None:
    """Make a file of the pieces; of a single whole one a second name for it."""
    if len(pieces) == 1 and (pieces[0].start, pieces[0].size) == (0, pieces[0].file.stat().st_size):
        with suppress(OSError):  # a file system without links
            os.link(pieces[0].file, target)
            return
    with target.open("wb") as out:
        for piece in pieces:
            with piece.file.open("rb") as file:
                _copy(file.fileno(), out.fileno(), piece)


def _copy(source: int, target: int, piece: Piece) -> None:
    """Copy a piece, within the kernel where that can."""
    start, left = piece.start, piece.size
    while left:
        if hasattr(os, "copy_file_range"):
            count = os.copy_file_range(source, target, min(left, COPIED_AT_ONCE), offset_src=start)
        else:
            count = os.write(target, os.pread(source, min(left, 1 << 20), start))
        if not count:
            raise OSError(f"{piece.file} is shorter than it was")
        start, left = start + count, left - count


def _file_name(name: str) -> str:
    _decoded(name)
    return name.replace("/", "_")


def _decoded(name: str) -> bytes:
    try:
        found = base64.b64decode(name, validate=True)
    except (binascii.Error, ValueError):
        raise StorageError(400, "InvalidQueryParameterValue", node="blockid") from None
    if not 0 < len(found) <= 64:
        raise StorageError(400, "InvalidQueryParameterValue", node="blockid")
    return found
