"""Small ASGI tools: bodies, JSON answers, a call into an app without a socket."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON_TYPE = (b"content-type", b"application/json")


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class BodyTooLarge(Exception):
    """The body is longer than the limit, as declared or as received."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a request header, by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


def is_event_stream(start: Message) -> bool:
    """Tell from the start of an answer whether server-sent events follow."""
    return any(k.lower() == b"content-type" and v.startswith(b"text/event-stream") for k, v in start["headers"])


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read the whole body; refuse one over `limit` bytes as soon as it is known to be."""
    declared = header(scope, b"content-length") or ""
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


class RewrittenAnswer(ABC):
    """`send` for one answer that is changed on its way: each message of an event stream, and any other as a whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._streams = False
        self._body: list[bytes] = []

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send the message rewritten; each of a stream has whole events."""
        if self._streams:
            return self._send({**message, "body": self.events(message.get("body", b""))})
        return self._begin_or_gather(message)

    async def _begin_or_gather(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            self._streams = message["status"] == 200 and is_event_stream(message)
            if self._streams:
                await self._send(message)
            return
        self._body.append(message.get("body", b""))
        if not message.get("more_body"):
            await self.whole(self._start, b"".join(self._body))

    @abstractmethod
    def events(self, events: bytes) -> bytes:
        """Return some whole events as the client shall see them."""

    @abstractmethod
    async def whole(self, start: Message, body: bytes) -> None:
        """Send an answer that is no stream, or an error; `start` is how it began."""


def replaying(body: bytes, receive: Receive) -> Receive:
    """Give the body that has been read to the next app, then whatever comes (the disconnect)."""
    left: bytes | None = body

    async def replay() -> Message:
        nonlocal left
        if left is None:
            return await receive()
        message: Message = {"type": "http.request", "body": left, "more_body": False}
        left = None  # what has been given is not held here
        return message

    return replay


def with_body(scope: Scope, path: str, body: bytes) -> Scope:
    """Return the scope of the same request for `path` with a body of this length, as JSON."""
    headers = [
        (k, v) for k, v in scope["headers"] if k not in (b"content-length", b"content-type", b"transfer-encoding")
    ]
    headers += [(b"content-length", str(len(body)).encode()), JSON_TYPE]
    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers}


async def send_bytes(send: Send, status: int, body: bytes, headers: Headers = (JSON_TYPE,)) -> None:
    """Send one whole answer."""
    all_headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, document: Any, headers: Headers = ()) -> None:
    """Send one JSON answer."""
    await send_bytes(send, status, json.dumps(document).encode(), (JSON_TYPE, *headers))


def local_scope(
    method: str, path: str, body: bytes = b"", *, query: bytes = b"", headers: Mapping[str, str] | None = None
) -> Scope:
    """Return the scope of a request that comes without a socket."""
    given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    kept = [pair for pair in given if pair[0] not in (b"content-length", b"transfer-encoding")]
    if not any(name == b"content-type" for name, _ in kept):
        kept.append(JSON_TYPE)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [*kept, (b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }


async def never() -> Message:
    """Receive from a client that never goes away."""
    nothing: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await nothing


async def call_app(app: ASGIApp, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Call an ASGI app in process and return status and body."""
    status = 500
    chunks: list[bytes] = []

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(local_scope(method, path, body), replaying(body, never), send)
    return status, b"".join(chunks)
