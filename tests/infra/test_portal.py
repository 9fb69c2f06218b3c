"""The emulator's portal: what is refused is said in its words, and what does not answer is not ready."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.errors import GateliftError, NotReady
from infra.portal import Portal

ANSWERS = {
    "/refused": (400, '{"error": {"code": "InvalidRequest", "message": "no such target"}}'),
    "/broken": (500, "{}"),
    "/page": (200, "<html>"),
    "/document": (200, '{"a": 1}'),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, text = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Portal(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_document_is_read(portal: Portal) -> None:
    assert portal.get("document") == {"a": 1}


def test_what_it_refuses_is_said_in_its_words(portal: Portal) -> None:
    with pytest.raises(GateliftError, match="no such target") as refused:
        portal.get("refused")
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize("path", ["broken", "page"])
def test_any_other_answer_is_none(portal: Portal, path: str) -> None:
    with pytest.raises(NotReady, match=f"did not answer GET .*/{path}") as failed:
        portal.get(path)
    assert "gatelift emulator start" in failed.value.hint


def test_a_portal_that_is_gone_is_not_ready() -> None:
    with pytest.raises(NotReady):
        Portal("http://127.0.0.1:1").get("faults")
