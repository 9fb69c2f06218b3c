"""The operations that write a blob's content: whole, in blocks, and from a URL."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from infra.emulator.storage.blobs import Blobs
from infra.emulator.storage.blocks import LARGEST_BLOCK, assemble
from infra.emulator.storage.documents import StorageError, xml_answer
from infra.emulator.storage.headers import sent_properties, written
from infra.emulator.storage.sources import opened

LARGEST_BLOB = 5000 << 20  # in one request


class Writing:
    """Writes contents piece by piece, so that a large one is never in memory; conditions are checked before."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def put(self, request: Request, container: str, name: str) -> Response:
        """`Put Blob`, and `Put Blob From URL`."""
        if request.headers.get("x-ms-blob-type", "BlockBlob") != "BlockBlob":
            raise StorageError(400, "InvalidBlobType")
        part = self._blobs.new_part(container, name)
        try:
            digest = await _receive(request, part, LARGEST_BLOB, always=True)
            kept = self._blobs.take(container, name, part, {**sent_properties(request), "md5": digest})
            self._blobs.blocks(container, name).drop()
            return written(kept)
        finally:
            part.unlink(missing_ok=True)

    async def put_block(self, request: Request, container: str, name: str) -> Response:
        """`Put Block`, and `Put Block From URL`."""
        place = self._blobs.blocks(container, name).place(request.query_params.get("blockid", ""))
        part = self._blobs.new_part(container, name)
        try:
            digest = await _receive(request, part, LARGEST_BLOCK)
            place.parent.mkdir(parents=True, exist_ok=True)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        headers = {"x-ms-request-server-encrypted": "true"} | ({"content-md5": digest} if digest else {})
        return Response(status_code=201, headers=headers)

    async def put_block_list(self, request: Request, container: str, name: str) -> Response:
        """`Put Block List`: the blocks that it does not name are gone afterwards."""
        wanted = _read_list(await request.body())
        blocks = self._blobs.blocks(container, name)
        committed = self._blobs.committed(container, name)
        pieces = blocks.chosen(wanted, committed)
        part = self._blobs.new_part(container, name)
        try:
            await asyncio.to_thread(assemble, pieces, part)
        except OSError:  # another block list was faster
            part.unlink(missing_ok=True)
            raise StorageError(400, "InvalidBlockList") from None
        named = [{"name": piece.name, "size": piece.size} for piece in pieces]
        known = {**sent_properties(request), "md5": request.headers.get("x-ms-blob-content-md5", ""), "blocks": named}
        kept = self._blobs.take(container, name, part, known)
        blocks.drop()
        return written(kept)

    def block_list(self, request: Request, container: str, name: str) -> Response:
        """`Get Block List`."""
        kind = request.query_params.get("blocklisttype", "committed").lower()
        if kind not in ("committed", "uncommitted", "all"):
            raise StorageError(400, "InvalidQueryParameterValue", node="blocklisttype")
        kept = self._blobs.get(container, name)
        fresh = self._blobs.blocks(container, name).uncommitted()
        if kept is None and not fresh:
            raise StorageError(404, "BlobNotFound")
        committed = [(block["name"], block["size"]) for block in (kept or {}).get("blocks", [])]
        parts = {"Committed": committed, "Uncommitted": [(piece.name, piece.size) for piece in fresh]}
        text = "".join(
            f"<{part}Blocks>{_entries(blocks)}</{part}Blocks>"
            for part, blocks in parts.items()
            if kind in ("all", part.lower())
        )
        headers = {"etag": kept["etag"], "last-modified": kept["modified"]} if kept else {}
        headers["x-ms-blob-content-length"] = str(kept["size"] if kept else 0)
        return xml_answer(f"<BlockList>{text}</BlockList>", headers=headers)


def _entries(blocks: list[tuple[str, int]]) -> str:
    return "".join(f"<Block><Name>{escape(name)}</Name><Size>{size}</Size></Block>" for name, size in blocks)


def _read_list(body: bytes) -> list[tuple[str, str]]:
    if b"<!" in body:  # no document type: it could define entities
        raise StorageError(400, "InvalidXmlDocument")
    try:
        return [(element.tag, element.text or "") for element in ElementTree.fromstring(body)]  # noqa: S314  checked above
    except ElementTree.ParseError:
        raise StorageError(400, "InvalidXmlDocument") from None


async def _receive(request: Request, part: Path, largest: int, *, always: bool = False) -> str:
    """Write what a request carries, or has fetched, into a file.

    Returns its MD5, if the request says which it must be, or `always`.
    """
    if "x-ms-copy-source" not in request.headers:
        if int(request.headers.get("content-length", 0)) > largest:
            raise StorageError(413, "RequestBodyTooLarge")
        return await _checked(request.stream(), part, request.headers.get("content-md5"), always=always)
    if int(request.headers.get("content-length", 0)):
        raise StorageError(400, "InvalidHeaderValue", node="Content-Length")
    async with opened(request.headers) as content:
        return await _checked(content, part, request.headers.get("x-ms-source-content-md5"), always=always)


async def _checked(content: AsyncIterator[bytes], part: Path, wanted: str | None, *, always: bool) -> str:
    digest = hashlib.md5(usedforsecurity=False) if wanted or always else None
    with part.open("wb") as file:
        async for data in content:
            if digest:
                digest.update(data)
            file.write(data)
    found = base64.b64encode(digest.digest()).decode() if digest else ""
    if wanted and wanted != found:
        raise StorageError(400, "Md5Mismatch")
    return found
