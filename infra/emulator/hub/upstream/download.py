"""One file on its way from the upstream Hub into the cache: whoever wants it meanwhile reads along."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.upstream.client import Answer, Ask, HubClient, Unreachable
from infra.emulator.hub.upstream.part_file import PartFile

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("gatelift.emulator")
PIECE_BYTES = 1024 * 1024
HELD_BACK_BYTES = 64 * 1024  # the end of a file goes out only when its hash was found right
PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)  # before tries that bring nothing
LONGEST_PAUSE = 30.0
SHA256_LENGTH = 64
CACHE_FULL = "CacheNotWritable"  # a code of the emulator's own
BUSY = (408, 429, 500, 502, 503, 504)


class Refused(Exception):
    """The upstream Hub refused; its answer is passed on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the Hub answered {answer.status}")
        self.answer = answer


class Wanted(Struct, frozen=True):
    """A file at a commit: the hash that names its content, its size in bytes, what was asked for, and by whom."""

    repo: str
    commit: str
    path: str
    etag: str
    size: int
    revision: str = ""
    token: str = ""

    @property
    def large(self) -> bool:
        """Whether it is in large file storage."""
        return len(self.etag) == SHA256_LENGTH

    @property
    def place(self) -> tuple[str, str, str]:
        """Repository, commit and path."""
        return self.repo, self.commit, self.path

    @property
    def target(self) -> str:
        """Its address at the Hub."""
        return f"/{quote(self.repo)}/resolve/{self.commit}/{quote(self.path)}"


class Download:
    """Fetches one file until it is complete and found right, or nobody waits for it any more."""

    def __init__(self, client: HubClient, wanted: Wanted, blob: Path) -> None:
        self._client = client
        self._wanted = wanted
        self._part = PartFile(blob, wanted.size)
        self._blob = blob
        self._moved = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.failure: Exception | None = None
        self._done = False
        self._readers = 0
        self.stopping = False
        self.task = asyncio.create_task(self._run())

    @property
    def released(self) -> int:
        """How many bytes may go out."""
        return self._wanted.size if self._done else min(self._part.size, max(0, self._wanted.size - HELD_BACK_BYTES))

    async def reached(self, position: int) -> int:
        """How many bytes may go out, once more than `position` may; raises what ended the download before that."""
        while self.released <= position and not self._done:
            if self.failure:
                raise self.failure
            await self._moved.wait()
        return self.released

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to `end`, as they come."""
        self._readers += 1
        descriptor = -1
        try:
            while start < end:
                until = min(await self.reached(start), end)
                if descriptor < 0:
                    descriptor = os.open(self._blob if self._done else self._part.path, os.O_RDONLY)
                while start < until:
                    piece = await asyncio.to_thread(os.pread, descriptor, min(PIECE_BYTES, until - start), start)
                    start += len(piece)
                    yield piece
        finally:
            if descriptor >= 0:
                os.close(descriptor)
            self._readers -= 1
            if not self._readers and not self._done:
                self.stopping = True
                self.task.cancel()

    async def _run(self) -> None:
        try:
            await asyncio.to_thread(self._part.open, self._tell_from_thread)
            await self._fill()
            await self._check()
            self._done = True
        except asyncio.CancelledError:
            self.failure = Unreachable("the download was stopped")
        except OSError as error:
            self.failure = unwritable(error)
        except (HubError, Refused, Unreachable) as error:
            self.failure = error
        finally:
            self._part.close()
            self._tell()

    async def _fill(self) -> None:
        """Fetch until the size is reached; a break is continued where it was, unless too many tries bring nothing."""
        failures = 0
        while self._part.size < self._wanted.size:
            before = self._part.size
            try:
                await self._receive()
            except (Unreachable, Refused) as error:
                failures = 1 if self._part.size > before else failures + 1
                if failures > len(PAUSES) or not self._may_wait(error):
                    raise
                await asyncio.sleep(_pause(error, PAUSES[failures - 1]))

    def _may_wait(self, error: Unreachable | Refused) -> bool:
        """A Hub that asks to be left alone is obeyed: by our client if it has nothing yet, else here."""
        if isinstance(error, Refused):
            return error.answer.status in BUSY and (error.answer.status != 429 or self._part.size > 0)
        return True

    async def _receive(self) -> None:
        headers = {"Range": f"bytes={self._part.size}-"} if self._part.size else {}
        async with self._client.open(Ask("GET", self._wanted.target, self._wanted.token, headers)) as response:
            if response.status_code not in (200, 206):
                raise Refused(Answer(response.status_code, dict(response.headers.items()), await response.aread()))
            # Where the Hub begins anew, what we have is passed over.
            await self._write_all(response, known=self._part.size if response.status_code == 200 else 0)
        if self._part.size < self._wanted.size:
            raise Unreachable("the connection ended early")

    async def _write_all(self, response: "httpx.Response", *, known: int) -> None:
        """Write a body but for its first `known` bytes; what comes during a write is written together."""
        import httpx

        waiting, writing = bytearray(), asyncio.create_task(self._take(b""))
        try:
            async for piece in response.aiter_raw():
                waiting += piece[known:]
                known = max(0, known - len(piece))
                if writing.done() or len(waiting) >= PIECE_BYTES:
                    await writing
                    writing = asyncio.create_task(self._take(bytes(waiting)))
                    waiting.clear()
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from None
        finally:
            await writing
            await self._take(bytes(waiting))

    async def _take(self, piece: bytes) -> None:
        if self._part.size + len(piece) > self._wanted.size:
            self._refuse_content(f"is longer than the {self._wanted.size} bytes that it has")
        if piece:
            await asyncio.to_thread(self._part.write, piece)
            self._tell()

    async def _check(self) -> None:
        if not self._part.is_right():
            self._refuse_content(f"has the hash {self._part.digest}, not {self._wanted.etag}")
        self._part.keep()
        logger.info("hub cache: kept %s of %s at %s", self._wanted.path, self._wanted.repo, self._wanted.commit)

    def _refuse_content(self, what: str) -> None:
        self._part.discard()
        wanted = self._wanted
        sentence = (
            f"what {self._client.choice.endpoint} sent as {wanted.path} of {wanted.repo} {what}: it was thrown away"
        )
        logger.warning("hub cache: %s", sentence)
        raise HubError(502, "", sentence)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _tell_from_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._tell)


def unwritable(error: OSError) -> HubError:
    """The refusal where the cache's disk is full or may not be written."""
    where = f" at {error.filename}" if error.filename else ""
    message = f"the hub cache cannot be written{where}: {error.strerror}; make room there, or set GATELIFT_CACHE_DIR"
    return HubError(507, CACHE_FULL, message)


def _pause(error: Unreachable | Refused, usual: float) -> float:
    """How long to wait: as long as the Hub says, within limits."""
    text = error.answer.headers.get("retry-after", "") if isinstance(error, Refused) else ""
    return min(float(text), LONGEST_PAUSE) if text.isdecimal() else usual
