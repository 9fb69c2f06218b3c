# ruff: noqa: N815, T201
"""A scoring script that does as the request's path says: the smallest container that tests can be written against."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STARTED = time.monotonic()
LIVE_FILE = os.environ.get("LIVE_FILE")
REFUSED: list[int] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        action = url.path.strip("/").split("/")
        body = self._body()
        if url.path == "/health/live":
            self._answer(503 if LIVE_FILE and os.path.exists(LIVE_FILE) else 200, b"live")
        elif url.path == "/health/ready":
            self._answer(200 if time.monotonic() - STARTED >= float(os.environ.get("READY_AFTER", "0")) else 503, b"")
        elif action[0] == "status":
            self._answer(int(action[1]), json.dumps({"said": int(action[1])}).encode(), "application/json")
        elif action[0] == "refuse":
            self._refuse(int(action[1]))
        elif action[0] == "refused":
            self._answer(200, str(len(REFUSED)).encode())
        elif action[0] == "slow":
            time.sleep(float(action[1]))
            self._answer(200, b"at last")
        elif action[0] == "stream":
            self._stream(int(query.get("n", 5)), float(query.get("gap", 0.05)), query.get("mark"))
        elif action[0] == "break":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"half")
            self._exit()
        elif action[0] == "exit":
            self._exit()
        elif action[0] == "print":
            print(query["text"], flush=True)
            self._answer(200, b"printed")
        else:
            self._answer(200, json.dumps(self._description(body)).encode(), "application/json")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_GET

    def _description(self, body: bytes) -> dict[str, object]:
        return {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(errors="replace") if len(body) < 1000 else len(body),
            "pid": os.getpid(),
            "environment": dict(os.environ),
            "arguments": sys.argv,
            "folder": os.getcwd(),
        }

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refuse(self, status: int) -> None:
        """Refuse as the scoring server does."""
        REFUSED.append(status)
        body = json.dumps({"error": {"message": "as it is", "code": status}}).encode()
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "1")
            self.send_header("x-should-retry", "true")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, body: bytes, media_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def _stream(self, count: int, gap: float, mark: str | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number in range(count):
                self._chunk(f"data: {number}\n\n".encode())
                time.sleep(gap)
            self._chunk(b"")
        except OSError:
            if mark:
                with open(mark, "w") as file:
                    file.write("the client has gone")
            raise

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _exit(self) -> None:
        self.wfile.flush()
        os._exit(7)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512


if __name__ == "__main__":
    print(f"hello from {os.environ.get('NAME', 'nobody')}", flush=True)
    if os.environ.get("CRASH_AT_START"):
        print("Traceback: no weights here", file=sys.stderr, flush=True)
        sys.exit(4)
    Server((os.environ["SCORING_HOST"], int(os.environ["PORT"])), Handler).serve_forever()
