"""One HTTP/1.1 request to an instance over a connection of its own: nothing is buffered, closing it cancels it.

A new connection on loopback is cheaper than a pool, and cannot have been closed by the other side in the meantime.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from starlette.types import Receive

Headers = list[tuple[bytes, bytes]]
READ_BYTES = 64 * 1024
HEAD_LIMIT_BYTES = 256 * 1024
BODILESS_STATUS = (204, 304)


class UpstreamBroken(Exception):
    """The instance closed the connection before its answer was complete."""


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer."""

    status: int
    headers: Headers

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, its name in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class Upstream:
    """An open exchange with one instance."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.client_left = False

    @classmethod
    async def connect(cls, port: int) -> "Upstream":
        """Connect to 127.0.0.1; `OSError` where nobody listens."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=HEAD_LIMIT_BYTES))

    def send_head(self, method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send request line and headers."""
        lines = [method.encode() + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
        self._writer.write(b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n")

    async def send_body(self, receive: Receive, *, chunked: bool, copy: bytearray | None = None) -> None:
        """Send the client's body as it arrives."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._client_left()
                return
            body = message.get("body", b"")
            if copy is not None:
                copy += body
            if body:
                self._writer.write(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
                await self._writer.drain()
            if not message.get("more_body", False):
                break
        if chunked:
            self._writer.write(b"0\r\n\r\n")

    async def watch_client(self, receive: Receive) -> None:
        """Close the connection when the client leaves: that tells the instance that nobody is waiting."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left()

    async def read_head(self) -> Head:
        """The head of the answer, past any interim one."""
        try:
            while True:
                lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
                head = Head(int(lines[0].split(maxsplit=2)[1]), [_header(line) for line in lines[1:] if line])
                if head.status >= 200:
                    return head
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError, IndexError) as error:
            raise UpstreamBroken(str(error)) from error

    async def read_body(self, method: str, head: Head) -> AsyncIterator[bytes]:
        """The body of the answer in the pieces in which it arrives."""
        if method == "HEAD" or head.status in BODILESS_STATUS:
            return
        try:
            if b"chunked" in (head.get(b"transfer-encoding") or b"").lower():
                while size := int((await self._reader.readline()).split(b";")[0], 16):
                    yield await self._reader.readexactly(size)
                    await self._reader.readexactly(2)
            elif (length := head.get(b"content-length")) is not None:
                missing = int(length)
                while missing:
                    piece = await self._reader.read(min(missing, READ_BYTES))
                    if not piece:
                        raise UpstreamBroken(f"{missing} bytes are missing")
                    missing -= len(piece)
                    yield piece
            else:
                while piece := await self._reader.read(READ_BYTES):
                    yield piece
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise UpstreamBroken(str(error)) from error

    def close(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()

    def _client_left(self) -> None:
        self.client_left = True
        self.close()


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()
