"""A container that needs nothing but Python: answers on the routes of the environment, and fails when asked to."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Azure may load this file by its path
from about import about


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200, about() if self.path == "/about" else {"path": self.path, "method": self.command})

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/stream":
            self.stream(float(self.headers.get("x-seconds", "1")))
        elif self.path == "/size":
            self.answer(200, {"bytes": len(sent)})
        else:
            wanted = int(self.headers.get("x-answer-with", "200"))
            self.answer(wanted, {"path": self.path, "word": os.environ.get("WORD", ""), "sent": sent.decode()})

    def stream(self, seconds: float) -> None:
        """An event every half second, for so long."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            self.wfile.write(f"data: {passed:.1f}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"data: [DONE]\n\n")

    def do_DELETE(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def init() -> None:
    """Nothing to load: this file is the server, not a script of Azure's inference server."""


def run(_: str) -> str:
    return ""


if __name__ == "__main__":
    host = os.environ.get("SCORING_HOST", "0.0.0.0")  # noqa: S104  a container listens to its host
    sys.stderr.write("the contract's container is up\n")
    ThreadingHTTPServer((host, int(os.environ.get("PORT", "5001"))), Handler).serve_forever()
