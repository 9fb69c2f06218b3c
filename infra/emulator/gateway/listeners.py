"""HTTP servers side by side in one event loop, each on a loopback port that is the same after a restart."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.emulator.state.store import Store
from infra.errors import GateliftError

LOOPBACK = "127.0.0.1"
BACKLOG = 512
OLD = "gatelift.cycle"  # the scope's key for what answers a request of HTTP/1.0


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
        self.app = _answering_http_1_0(self.app)
        self.app_state = {**self.app_state, "abort": transport.abort}

    def on_headers_complete(self: Any) -> None:
        protocol.on_headers_complete(self)
        if self.scope["http_version"] == "1.0":
            self.scope[OLD] = self.cycle

    changed = {"connection_made": connection_made, "on_headers_complete": on_headers_complete}
    return type("AbortableProtocol", (protocol,), changed)


def _answering_http_1_0(app: ASGIApp) -> ASGIApp:
    """The app, whose answers to HTTP/1.0 have no chunks: those of unknown length end with the connection."""

    def answer(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        cycle = scope.get(OLD)
        return app(scope, receive, _unframed(cycle, send) if cycle else send)

    return answer


def _unframed(cycle: Any, send: Send) -> Send:
    open_end = False

    async def sending(message: Message) -> None:
        nonlocal open_end
        if message["type"] == "http.response.start":
            open_end = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if open_end:
                cycle.chunked_encoding = False
        elif open_end:
            cycle.expected_content_length = len(message.get("body", b""))  # uvicorn is told of each part just before it
        await send(message)

    return sending
