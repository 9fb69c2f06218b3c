"""A stage between an agent and the real server: the agent is as it is, the model says what the script wants.

Each `POST /v1/responses` takes the next line of the script: a grammar leaves the model nothing else to say. All else
is handed on unchanged, both ways, and taken down.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.scoring.responses.checking import check_events, check_response, read_events

LEFT_OUT = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}


@dataclass
class Turn:
    """One exchange as it went over the wire; `request` is what the agent sent."""

    method: str
    path: str
    request: Any
    status: int = 0
    body: bytes = b""

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream."""
        return read_events(self.body)

    @property
    def answer(self) -> dict[str, Any]:
        """The response object, from the terminal event where it came as a stream."""
        if self.body.startswith(b"{"):
            document: dict[str, Any] = json.loads(self.body)
            return document
        response: dict[str, Any] = self.events[-1]["response"]
        return response


@dataclass
class Stage:
    """The script that is left, and what has been said so far."""

    server_url: str
    script: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    url: str = ""

    def play(self, *lines: str) -> None:
        """Begin a new play."""
        self.script[:] = lines
        self.turns.clear()

    def over(self) -> list[Turn]:
        """Return the turns that asked the model, all of whose answers are checked; the whole script has been said."""
        assert self.script == []
        asked = [turn for turn in self.turns if (turn.method, turn.path) == ("POST", "/v1/responses")]
        assert [turn.status for turn in asked] == [200] * len(asked), [turn.body for turn in asked]
        for turn in asked:
            if turn.body.startswith(b"{"):
                check_response(turn.answer)
            else:
                check_events(turn.events)
        return asked

    def prompted(self, turn: Turn) -> bytes:
        """Return the body with the next line of the script in it."""
        document = turn.request
        if (turn.method, turn.path) == ("POST", "/v1/responses") and self.script:
            document = {**document, "structured_outputs": {"choice": [self.script.pop(0)]}}
        return b"" if document is None else json.dumps(document).encode()


@contextmanager
def staged(server_url: str) -> Iterator[Stage]:
    """Run a stage before a server."""
    stage = Stage(server_url)

    class Handler(_Handler):
        pass

    Handler.stage = stage
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stage.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stage
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stage: Stage

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        turn = Turn(self.command, self.path.partition("?")[0], json.loads(body) if body else None)
        self.stage.turns.append(turn)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in LEFT_OUT}
        content, url = self.stage.prompted(turn), self.stage.server_url + self.path
        with httpx.stream(self.command, url, content=content, headers=headers, timeout=120) as answer:
            turn.status = answer.status_code
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in LEFT_OUT | {"date", "server"}:
                    self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in answer.iter_bytes():
                turn.body += piece
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 (names of the standard library)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""
