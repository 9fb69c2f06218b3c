"""Request bodies on their way in: how long one may take, and how much of all may lie here half sent."""

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scoring.asgi import BodyTooLarge, Message, Receive, Scope, read_body
from scoring.checks.body import parse_body
from scoring.checks.ceilings import check_ceilings, check_length, check_tokens, survey
from scoring.checks.grammars import check_grammars
from scoring.checks.media import check_addresses, check_media
from scoring.checks.schema_bounds import check_schema_bounds
from scoring.engine.client import VllmEngine
from scoring.engine.repairs.body_faults import check_unchecked
from scoring.problems import Problem
from scoring.settings.limits import Limits

FREE_BYTES = 64 * 1024  # of each body not counted: a prompt must come through while others send slowly
INLINE_BYTES = 64 * 1024  # longer bodies are read in a thread: milliseconds, up to a second
THREADS = 2
CLOSE = (b"connection", b"close")  # else the rest of the body would still be waited for


@dataclass(frozen=True)
class Received:
    """A request's body, as bytes and as read."""

    body: bytes
    document: dict[str, Any]


class Intake:
    """Reads the bodies of one process's requests."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = max(limits.max_reading_bytes, limits.max_body_bytes)
        self._threads = ThreadPoolExecutor(THREADS, "intake")
        self._seconds = 5.0  # how long a long body has taken of late
        self.held = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body; refuse one that is too long (413), comes too slowly (408) or finds no room (429)."""
        seconds = self._limits.body_seconds or None
        counted, began = _Counted(self, receive), time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                return await read_body(scope, counted, self._limits.max_body_bytes)
        except BodyTooLarge as error:
            raise Problem(413, f"The body is longer than {self._limits.max_body_bytes} bytes.") from error
        except TimeoutError as error:
            raise Problem(408, f"The body was not here within {seconds} seconds.", headers=[CLOSE]) from error
        finally:
            if counted.held:
                self.held -= counted.held
                self._seconds += 0.2 * (time.monotonic() - began - self._seconds)

    async def read_request(self, scope: Scope, receive: Receive, engine: VllmEngine) -> Received:
        """Read the body and refuse what it must not ask an engine for."""
        body = await self.read(scope, receive)
        if len(body) <= INLINE_BYTES:
            document, urls = self._parse(body, engine)
        else:
            document, urls = await asyncio.get_running_loop().run_in_executor(self._threads, self._parse, body, engine)
        if urls:
            await asyncio.to_thread(check_addresses, urls, document)
        return Received(body, document)

    def _parse(self, body: bytes, engine: VllmEngine) -> tuple[dict[str, Any], list[str]]:
        """Return what the body says, and the URLs in it whose addresses are still to be looked at."""
        document = parse_body(body, self._limits)
        reading = survey(document)
        check_ceilings(document, reading, self._limits)
        check_length(document, engine.max_model_len)
        check_tokens(document)
        check_unchecked(document)
        check_schema_bounds(document)
        check_grammars(document, self._limits)
        if engine.refuses_seeds and document.get("seed") is not None:
            raise Problem(422, "seed is not supported on a CPU with chunked prefill.", param="seed")
        return document, check_media(reading.media, document, engine.media_hosts, self._limits)

    def hold(self, size: int) -> None:
        """Count bytes that have come; refuse them when there is no room."""
        self.held += size
        if self.held > self._most:
            raise Problem(
                429,
                f"Bodies of more than {self._most} bytes are on their way here; try again shortly.",
                headers=[CLOSE],
                retry_after=min(60, max(1, math.ceil(self._seconds))),
            )


class _Counted:
    """`receive` that counts what has come beyond the free bytes."""

    def __init__(self, intake: Intake, receive: Receive) -> None:
        self._intake = intake
        self._receive = receive
        self._free = FREE_BYTES
        self.held = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        size = len(message.get("body", b""))
        counted = max(0, size - self._free)
        self._free = max(0, self._free - size)
        if counted:
            self.held += counted
            self._intake.hold(counted)
        return message
