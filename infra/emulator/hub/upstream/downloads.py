"""The files of the upstream Hub on their way into the cache: each is fetched once, however many ask for it."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.upstream.cache_folder import HASH
from infra.emulator.hub.upstream.client import Answer, Ask, HubClient, Unreachable
from infra.emulator.hub.upstream.download import CACHE_FULL, Download, Refused, Wanted, unwritable
from infra.emulator.hub.upstream.part_file import begun
from infra.emulator.hub.upstream.streamed import Span

WRONG_SECONDS = 30.0  # so long the refusal of wrong content is repeated, or clients would patch it up with ranges
GIGABYTE = 1e9


class Downloads:
    """What is being fetched now."""

    def __init__(self) -> None:
        self._running: dict[Path, Download] = {}
        self._wrong: dict[Path, tuple[float, HubError]] = {}

    async def pieces(
        self, client: HubClient, wanted: Wanted, blob: Path | None, span: Span
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a span: from a download into the cache, or past the cache where it would have to wait."""
        if blob is None:
            return _passing(client, wanted, span)
        self._refuse_wrong(blob)
        while (running := self._running.get(blob)) and running.stopping:
            await asyncio.wait([running.task])  # its last reader has left; what it has is gone on with
        here = running.released if running else begun(blob)
        if span.start > here or (not running and span.end < wanted.size and span.end > here):
            return _passing(client, wanted, span)
        return (running or self._begin(client, wanted, blob)).read(span.start, span.end)

    async def close(self) -> None:
        """End all; what is there of each is continued later."""
        for download in list(self._running.values()):
            download.task.cancel()

    def _begin(self, client: HubClient, wanted: Wanted, blob: Path) -> Download:
        _check_space(wanted, blob)
        download = Download(client, wanted, blob)
        self._running[blob] = download
        download.task.add_done_callback(lambda _: self._ended(blob, download))
        return download

    def _ended(self, blob: Path, download: Download) -> None:
        self._running.pop(blob, None)
        if isinstance(download.failure, HubError) and download.failure.status == 502:
            self._wrong[blob] = (time.monotonic() + WRONG_SECONDS, download.failure)

    def _refuse_wrong(self, blob: Path) -> None:
        until, error = self._wrong.pop(blob, (0.0, None))
        if error and time.monotonic() < until:
            self._wrong[blob] = (until, error)
            raise error


def keepable(etag: str) -> bool:
    """Whether content can be checked against its ETag, so that it may be kept."""
    return HASH.fullmatch(etag) is not None


async def _passing(client: HubClient, wanted: Wanted, span: Span) -> AsyncGenerator[bytes, None]:
    """A span as the upstream Hub sends it; nothing is kept."""
    import httpx

    headers = {} if span.whole else {"Range": f"bytes={span.start}-{span.end - 1}"}
    async with client.open(Ask("GET", wanted.target, wanted.token, headers)) as response:
        if response.status_code not in (200, 206):
            raise Refused(Answer(response.status_code, dict(response.headers.items()), b""))
        at = span.start if response.status_code == 206 else 0  # a storage that knows no ranges sends all of it
        try:
            async for piece in response.aiter_raw():
                if asked_for := piece[max(0, span.start - at) : max(0, span.end - at)]:
                    yield asked_for
                at += len(piece)
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from None


def _check_space(wanted: Wanted, blob: Path) -> None:
    """Refuse a file that does not fit on the disk before its first byte is fetched."""
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error) from None
    needed, free = wanted.size - begun(blob), shutil.disk_usage(blob.parent).free
    if needed > free:
        sizes = f"{wanted.path} of {wanted.repo} needs {needed / GIGABYTE:.1f} GB, {free / GIGABYTE:.1f} GB are free"
        raise HubError(507, CACHE_FULL, f"{sizes} in the hub cache; make room there, or set GATELIFT_CACHE_DIR")
