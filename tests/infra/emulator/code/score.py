"""A scoring program of a few lines: ready at once, answers what it was given."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every path."""

    def answer(self, content: bytes) -> None:
        """One JSON answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        """Health."""
        self.answer(b"{}")

    def do_POST(self) -> None:
        """The request and the variable that was injected."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        self.answer(json.dumps({"echo": sent, "greeting": os.environ.get("GREETING", "")}).encode())


if __name__ == "__main__":
    sys.stderr.write("tiny scoring program is up\n")
    address = (os.environ.get("SCORING_HOST", "127.0.0.1"), int(os.environ["PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()
