"""A server of chat completions that does what a test wants: each request takes the next script from a list."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.load.ask import Client

Script = Callable[["Handler"], None]


def text(content: str, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk with text."""
    return {"choices": [{"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """The last chunk."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


ROLE = text("", role="assistant")
WHOLE = (ROLE, text("Paris"), text(" is"), text(" it", "stop"), usage(9, 3), "[DONE]")


class Handler(BaseHTTPRequestHandler):
    """Answers a request by the server's next script."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Told"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers), None))
        self.refuse(200, self.server.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append((self.path, dict(self.headers), body))
            self.server.under_way += 1
            self.server.most = max(self.server.most, self.server.under_way)
            script = self.server.scripts.pop(0) if self.server.scripts else self.server.always
        try:
            script(self)
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data: dict[str, Any] | str) -> None:
        self.raw(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def raw(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def refuse(self, status: int, document: Any, **headers: str) -> None:
        body = json.dumps(document).encode() if not isinstance(document, str) else document.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self) -> None:
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Told(ThreadingHTTPServer):
    """The server: what it was asked, and what it does next."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.scripts: list[Script] = []
        self.always: Script = answers()
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.under_way = self.most = self.connections = 0
        self.models: dict[str, Any] = {"data": [{"id": "first-model"}]}
        self.silence = threading.Event()
        """Ends the waiting of scripts that say nothing more."""

    def get_request(self) -> tuple[Any, Any]:
        self.connections += 1
        return super().get_request()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def client(self, **more: Any) -> Client:
        return Client(self.url, lambda: "the-key", "model", **more)


def answers(*pieces: dict[str, Any] | str) -> Script:
    """A script: a stream of these pieces, the usual ones if there are none."""

    def script(handler: Handler) -> None:
        handler.begin()
        for piece in pieces or WHOLE:
            handler.piece(piece)
        handler.end()

    return script


@dataclass
class Gate:
    """Lets requests wait until a test opens it."""

    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, handler: Handler) -> None:
        self.opened.wait(30)
        answers()(handler)


@contextmanager
def serve() -> Iterator[Told]:
    """The server, while a test needs it."""
    server = Told()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.silence.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def told() -> Iterator[Told]:
    with serve() as server:
        yield server
