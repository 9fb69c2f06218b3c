"""A Hub that says what a test tells it to, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Say:
    """An answer; `body` is a document, or raw bytes. Of a `cut` one only half arrives."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class ToldHub:
    """Gives its answers in turn, the last one again and again; `paths` pick answers of their own."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.answers: list[Say] = []
        self.paths: dict[str, Say] = {}
        self.asked: list[tuple[str, str | None]] = []

    def next(self, path: str) -> Say:
        """The answer to the next request."""
        if path in self.paths:
            return self.paths[path]
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def tokens(self) -> list[str | None]:
        """The token of each request so far."""
        return [token for _, token in self.asked]


@contextmanager
def told_hub() -> Iterator[ToldHub]:
    """A running one, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization")
            hub.asked.append((self.path, token and token.removeprefix("Bearer ")))
            say = hub.next(self.path.partition("?")[0])
            body = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
            self.send_response(say.status)
            for name, value in {"Content-Type": "application/json", **say.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if say.cut else body)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever wants no more than the beginning hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub = ToldHub(server)
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
