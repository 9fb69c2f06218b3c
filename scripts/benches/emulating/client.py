"""A client that uses little CPU: it sends prepared requests over open connections and only measures answers."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


def request(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as bytes."""
    parts = urlsplit(url)
    said = {"Host": parts.netloc, "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass
class Connection:
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, url: str, ca: str = "") -> "Connection":
        parts = urlsplit(url)
        tls = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, ssl=tls))

    async def ask(self, prepared: bytes) -> int:
        """Send a request and read the whole answer; returns the status."""
        self.writer.write(prepared)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
        if length:
            await self.reader.readexactly(int(length))
        else:
            while size := int(await self.reader.readline(), 16):
                await self.reader.readexactly(size + 2)
            await self.reader.readline()
        return int(head.split()[1])

    async def stream(self, prepared: bytes) -> tuple[int, float, int]:
        """Send a request for a stream; returns the status, the seconds to the first event, and the number of events."""
        began = time.perf_counter()
        self.writer.write(prepared)
        status = int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])
        first, events = 0.0, 0
        while size := int((await self.reader.readline()) or b"0", 16):
            first = first or time.perf_counter() - began
            events += (await self.reader.readexactly(size + 2)).count(b"data:")
        await self.reader.readline()
        return status, first, events

    def close(self) -> None:
        self.writer.close()


async def rate(url: str, ca: str, prepared: bytes, *, connections: int, requests: int) -> float:
    """Measure the answers per second, over that many connections."""
    opened = [await Connection.open(url, ca) for _ in range(connections)]
    left = iter(range(requests))

    async def work(connection: Connection) -> None:
        for _ in left:
            if (status := await connection.ask(prepared)) != 200:
                raise SystemExit(f"{url} answered {status}")

    began = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in opened))
    took = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return requests / took
