"""Answers whose body is still on its way here: one that breaks is broken off for our client, too."""

import re
from collections.abc import AsyncGenerator, Mapping

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.upstream.client import Unreachable
from infra.emulator.hub.upstream.download import Refused

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Span(Struct, frozen=True):
    """The bytes of a file that a request asks for: from `start` to just before `end`."""

    start: int
    end: int
    whole: bool


def span_of(request: Request, size: int, etag: str) -> Span:
    """The span of a request's headers; several ranges at once, or one of another version, are the whole file."""
    match = RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if not match or not any(match.groups()) or (condition and condition != f'"{etag}"'):
        return Span(0, size, whole=True)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise HubError(416, "", f"the file has {size} bytes")
    return Span(start, end, whole=False)


class Streamed(StreamingResponse):
    """A span of a file, sent as it comes."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], span: Span, size: int, headers: Mapping[str, str]) -> None:
        sent = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(span.end - span.start)}
        if not span.whole:
            sent["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        super().__init__(pieces, 200 if span.whole else 206, sent, "application/octet-stream")
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the connection is broken where the file breaks off."""
        try:
            await super().__call__(scope, receive, send)
        except (HubError, Refused, Unreachable):
            if abort := scope.get("state", {}).get("abort"):
                abort()
            else:
                raise
        finally:
            await self._pieces.aclose()
