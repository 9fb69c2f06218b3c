"""A client that records what it received: status, headers, events, and how the answer ended or broke off."""

import asyncio
import json
import math
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

CHAT = "/v1/chat/completions"
CONTENT = re.compile(rb'"(?:content|reasoning|reasoning_content)":"[^"]')
WORDS = 90


@dataclass
class Answer:
    """The answer to one request; times are in milliseconds since it was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    first_ms: float = math.nan
    total_ms: float = math.nan
    broken: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[str]:
        """The data of the events, in order."""
        lines = self.body.decode(errors="replace").split("\n")
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]

    @property
    def error(self) -> str:
        """Code or type, and message, of the error in the body or in the last event that has one."""
        texts = [self.body.decode(errors="replace")] if not self.events else self.events[::-1]
        for text in texts:
            try:
                error = json.loads(text).get("error")
            except (ValueError, AttributeError):
                continue
            if error:
                return f"{error.get('code')} {error.get('message', '')}"
        return ""

    def summary(self) -> str:
        """The answer in a few words, for a table."""
        if not self.status:
            return self.broken or "nothing"
        parts = [str(self.status)]
        if self.broken:
            parts.append(self.broken)
        if self.error:
            parts.append(f"error {shortened(self.error)}")
        if "retry-after" in self.headers:
            parts.append(f"Retry-After {self.headers['retry-after']}")
        if self.events:
            parts.append("[DONE]" if self.events[-1] == "[DONE]" else "no [DONE]")
        elif not self.error and not self.broken:
            parts.append("complete" if self.status == 200 else shortened(self.body.decode(errors="replace")))
        return ", ".join(parts)


def shortened(text: str) -> str:
    """Shorten a text to fit into a table cell."""
    text = " ".join(text.replace("|", "/").split())
    return text if len(text) <= WORDS else text[: WORDS - 1] + "…"


class Connection:
    """One keep-alive connection to a port on loopback."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self._port = port
        self._receive_buffer = receive_buffer
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, answer: Answer, limit: float = 120) -> Answer:
        """Send a request and read its answer to the end, or until it breaks off."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                await self._ask(request, answer, began)
        except TimeoutError:
            answer.broken = f"nothing more within {limit:.0f} s"
            self.close()
        except (OSError, EOFError, ValueError) as error:
            answer.broken = "connection refused" if isinstance(error, ConnectionRefusedError) else "connection lost"
            self.close()
        answer.total_ms = (time.perf_counter() - began) * 1000
        return answer

    async def send(self, request: bytes) -> None:
        """Send a request without reading the answer."""
        _, writer = await self._opened()
        writer.write(request)
        await writer.drain()

    async def _ask(self, request: bytes, answer: Answer, began: float) -> None:
        reader, writer = await self._opened()
        writer.write(request)
        await self.read(reader, answer, began)
        if answer.headers.get("connection") == "close":
            self.close()

    async def read_answer(self, answer: Answer, limit: float) -> Answer:
        """Read the answer to the last request."""
        reader, _ = await self._opened()
        try:
            async with asyncio.timeout(limit):
                await self.read(reader, answer, time.perf_counter())
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            answer.broken = "nothing more" if isinstance(error, TimeoutError) else "connection lost"
        return answer

    async def read(self, reader: asyncio.StreamReader, answer: Answer, began: float) -> None:
        """Read one answer."""
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        answer.status = int(status.split()[1])
        answer.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if answer.headers.get("transfer-encoding") != "chunked":
            answer.body += await reader.readexactly(int(answer.headers.get("content-length", 0)))
            return
        while size := int(await reader.readline(), 16):
            piece = (await reader.readexactly(size + 2))[:-2]
            answer.body += piece
            if not answer.begun.is_set() and CONTENT.search(piece):
                answer.first_ms = (time.perf_counter() - began) * 1000
                answer.begun.set()
        await reader.readline()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            connecting = socket.socket()
            connecting.setblocking(False)
            if self._receive_buffer:
                connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            try:
                await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", self._port))
            except OSError:
                connecting.close()
                raise
            ahead = self._receive_buffer or 2**16
            self._streams = await asyncio.open_connection(sock=connecting, limit=ahead)
        return self._streams

    def close(self) -> None:
        """Close the connection, even during an answer."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def chat(tokens: int, *, stream: bool, **more: Any) -> bytes:
    """Return the body of a chat request whose answer has exactly so many tokens."""
    messages = [{"role": "user", "content": "Tell me about lighthouses."}]
    body = {"model": "bench", "messages": messages, "max_tokens": tokens, "ignore_eos": True, "stream": stream, **more}
    return json.dumps(body).encode()


def post(body: bytes, path: str = CHAT) -> bytes:
    """Return a POST request with this body."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


async def fetch(port: int, request: bytes, limit: float = 30) -> Answer:
    """Send one request over a new connection."""
    connection = Connection(port)
    try:
        return await connection.ask(request, Answer(), limit)
    finally:
        connection.close()


async def metric(port: int, name: str) -> float:
    """Return the value of one of vLLM's metrics, summed over its labels."""
    text = (await fetch(port, get("/metrics"))).body.decode()
    return sum(float(value) for value in re.findall(rf"^{name}\{{[^}}]*\}} (\S+)", text, re.MULTILINE))
