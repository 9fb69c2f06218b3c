"""A host of which the storage service fetches content."""

import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Elsewhere(BaseHTTPRequestHandler):
    """Serves one file, whole or a range of it, and refuses the rest."""

    server: Any

    def do_GET(self) -> None:
        """The file, or a refusal."""
        status = {"/file": 200, "/expired": 403, "/redirect": 302}.get(self.path, 404)
        content, asked = self.server.content, self.headers.get("Range")
        if status == 200 and asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            content = content[int(first) : int(last or len(content)) + 1]
            status = 206 if content else 416
        body = content if status in (200, 206) else b""
        self.send_response(status)
        self.send_header("ETag", '"one"')
        if status == 302:
            self.send_header("Location", "/file")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """The host, with the `url` of its file and the file's `content`."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.content = random.Random(3).randbytes(5 << 20)
    server.url = f"http://127.0.0.1:{server.server_port}/file"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
