"""Answers with a file of the upstream Hub: from a cache of this machine, else as it comes, and kept on the way."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from infra.emulator.hub.files import LargeFileResponse
from infra.emulator.hub.upstream.cache_folder import CacheFolder
from infra.emulator.hub.upstream.cached_repo import cached_file
from infra.emulator.hub.upstream.client import Ask, HubClient, Unreachable
from infra.emulator.hub.upstream.download import Wanted
from infra.emulator.hub.upstream.downloads import Downloads, keepable
from infra.emulator.hub.upstream.relay import document
from infra.emulator.hub.upstream.streamed import Streamed, span_of

EMPTY = (hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest(), hashlib.sha256().hexdigest())


class FileAnswers:
    """Files from the caches of one choice; only the first cache is written."""

    def __init__(self, client: HubClient, downloads: Downloads) -> None:
        choice = client.choice
        self._client = client
        self._downloads = downloads
        self._own = CacheFolder(Path(choice.cache))
        machine = [CacheFolder(Path(choice.machine_cache))] if choice.machine_cache else []
        self.caches: Sequence[CacheFolder] = [self._own, *machine]
        self._revisions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def here(self, wanted: Wanted) -> Path | None:
        """Where the content is; None where no cache has it."""
        return cached_file(self.caches, wanted.repo, wanted.etag, wanted.size)

    async def sized(self, wanted: Wanted) -> Wanted:
        """The same with its size, which the Hub's list of files tells where its answer about the file does not."""
        if wanted.size >= 0:
            return wanted
        await self._note(wanted)
        listed = self._own.told(wanted.repo, wanted.commit).get(wanted.path)
        if listed is None or listed.size < 0:
            raise Unreachable(f"it does not tell the size of {wanted.path}")
        return replace(wanted, size=listed.size)

    async def content(self, request: Request, wanted: Wanted) -> Response:
        """The content or the range of it that is asked for; what refuses it is raised before the answer begins."""
        headers = {"ETag": f'"{wanted.etag}"', "X-Repo-Commit": wanted.commit}
        if source := self.here(wanted):
            self.link(wanted)
            return LargeFileResponse(source, headers=headers, media_type="application/octet-stream")
        if request.method == "HEAD":
            return Response(headers=headers | {"Content-Length": str(wanted.size), "Accept-Ranges": "bytes"})
        span = span_of(request, wanted.size, wanted.etag)
        await self._note(wanted)
        blob = self._own.blob(wanted.repo, wanted.etag) if keepable(wanted.etag) else None
        pieces = self._linked(await self._downloads.pieces(self._client, wanted, blob, span), wanted)
        return Streamed(await _begun(pieces), span, wanted.size, headers)

    async def keep_empty(self, wanted: Wanted) -> None:
        """Keep a file without content as soon as it is heard of: huggingface_hub never asks for more of it."""
        if wanted.size or wanted.etag not in EMPTY or self.here(wanted):
            return
        await self._note(wanted)
        blob = self._own.blob(wanted.repo, wanted.etag)
        with suppress(OSError):
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.touch()

    def link(self, wanted: Wanted) -> bool:
        """Make content that our own cache has the file of its commit, and the commit that of its branch or tag.

        Returns whether it has that content.
        """
        is_here = cached_file([self._own], wanted.repo, wanted.etag, wanted.size) is not None
        if is_here:
            with suppress(OSError):  # it is missed only offline: what is on a disk that is read-only or full is served
                self._own.link(wanted.repo, wanted.commit, wanted.path, wanted.etag)
                for revision in {wanted.revision, *self._revisions[wanted.repo, wanted.commit]}:
                    self._own.put_ref(wanted.repo, revision, wanted.commit)
        return is_here

    def heard(self, repo: str, revision: str, commit: str) -> None:
        """Remember which commit a branch or tag has: files are asked for by commit, and the ref is kept with them."""
        self._revisions[repo, commit].add(revision)
        if self._own.snapshot(repo, commit):
            with suppress(OSError):
                self._own.put_ref(repo, revision, commit)

    async def _linked(self, pieces: AsyncGenerator[bytes, None], wanted: Wanted) -> AsyncGenerator[bytes, None]:
        """The same pieces; the file is linked before its end goes out, so that whoever has it finds it kept."""
        is_linked = False
        try:
            async for piece in pieces:
                is_linked = is_linked or self.link(wanted)
                yield piece
        finally:
            await pieces.aclose()

    async def _note(self, wanted: Wanted) -> None:
        """Keep what the Hub says about the commit, for when it cannot be asked."""
        repo, commit = wanted.repo, wanted.commit
        if self._own.note(repo, commit):
            return
        target = f"/api/models/{quote(repo)}/revision/{commit}?blobs=true"
        with suppress(Unreachable, OSError):  # it is missed only offline
            answer = await self._client.ask(Ask("GET", target, wanted.token))
            if answer.status == 200:
                self._own.put_note(repo, commit, document(answer))


async def _begun(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same pieces, of which the first has come."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    return all_pieces()
