"""HTTP servers side by side in one event loop, each on a loopback port that is the same after a restart."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infra.emulator.state.store import Store
from infra.errors import GateliftError

LOOPBACK = "127.0.0.1"
BACKLOG = 512


class PortInUse(GateliftError):
    """Another process listens on the port that was asked for."""

    code = "port_in_use"


class Listener:
    """One application on one port."""

    def __init__(self, app: ASGIApp, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            http="httptools",
            backlog=BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = tls
        config.http_protocol_class = _abortable(config.http_protocol_class)
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[sock]))

    async def close(self) -> None:
        """Stop listening; running requests get one more second."""
        self._server.should_exit = True
        await self._task


def bind(store: Store, name: str, port: int = 0) -> socket.socket:
    """A listening socket: on `port`, else on the port that this listener had last, else on any."""
    kept = (store.record("listener", name) or {}).get("port", 0)
    sock = socket.socket(
        proto=socket.IPPROTO_TCP
    )  # else asyncio leaves Nagle's algorithm on, which costs 40 ms a request
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port or kept))
    except OSError as error:
        if port:
            sock.close()
            raise PortInUse(
                f"cannot listen on {LOOPBACK}:{port}: {error.strerror}",
                hint="choose another port, or none with --port 0",
            ) from None
        sock.bind((LOOPBACK, 0))  # another process has taken it in the meantime
    sock.listen(BACKLOG)
    store.put_record("listener", name, {"port": sock.getsockname()[1]})
    return sock


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """`scheme://127.0.0.1:PORT` of a listening socket."""
    return f"{scheme}://{LOOPBACK}:{sock.getsockname()[1]}"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which has several servers."""
        yield


def _abortable(protocol: Any) -> Any:
    """The protocol, with a function `abort` in the state of its requests that breaks the connection.

    Its answers to HTTP/1.0 have no chunks.
    """

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        protocol.connection_made(self, transport)
        self.app_state = {**self.app_state, "abort": transport.abort}

    def on_headers_complete(self: Any) -> None:
        protocol.on_headers_complete(self)
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _UnchunkedCycle

    changed = {"connection_made": connection_made, "on_headers_complete": on_headers_complete}
    return type("AbortableProtocol", (protocol,), changed)


class _UnchunkedCycle(RequestResponseCycle):
    """Answers HTTP/1.0, which has no chunks: where the length is not known, the body ends with the connection."""

    unframed = False

    async def send(self, message: Any) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.body":
            if self.unframed:
                self.expected_content_length = len(message.get("body", b""))
        elif all(name.lower() != b"content-length" for name, _ in message.get("headers", ())):
            self.unframed, self.chunked_encoding, self.keep_alive = True, False, False
        await super().send(message)
