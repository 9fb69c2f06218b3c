"""A container that needs nothing but Python: answers on the routes of the environment, and fails when asked to."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200, {"path": self.path})

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", "0")))
        wanted = int(self.headers.get("x-answer-with", "200"))
        self.answer(wanted, {"path": self.path, "word": os.environ.get("WORD", ""), "sent": sent.decode()})

    def answer(self, status: int, document: dict[str, str]) -> None:
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
