"""The HTTP client of plan and status: connections that stay open, proxies, what it says where nobody answers."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from infra.http_client import Unreachable, Web


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked, over a connection that stays open unless the path says otherwise."""

    protocol_version = "HTTP/1.1"

    busy: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        if self.busy.get(self.path, 0):
            self.busy[self.path] -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        said = f"{self.path} {self.client_address[1]} {self.headers.get('Proxy-Authorization', '')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        if self.path == "/close":
            self.close_connection = True  # without a word: the client must find out
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def http_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def port_seen(web: Web, url: str) -> str:
    return web.send("GET", url).text().split()[1]


def test_one_connection_serves_many_requests(http_server: str) -> None:
    web = Web()
    assert len({port_seen(web, f"{http_server}/{number}") for number in range(5)}) == 1


def test_a_connection_that_the_other_side_closed_is_not_used_again(http_server: str) -> None:
    web = Web()
    assert port_seen(web, f"{http_server}/close") != port_seen(web, f"{http_server}/next")


def test_threads_do_not_share_a_connection_at_the_same_time(http_server: str) -> None:
    web, seen = Web(), []
    threads = [
        threading.Thread(target=lambda n=n: seen.append(web.send("GET", f"{http_server}/{n}"))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.text().split()[0] for answer in seen) == [f"/{number}" for number in range(8)]


def test_names_that_are_not_ascii_are_encoded(http_server: str) -> None:
    assert Web().send("GET", f"{http_server}/gruppe-ä?x=1%20").text().startswith("/gruppe-%C3%A4?x=1%20 ")


def test_what_passes_by_itself_is_asked_for_again(http_server: str) -> None:
    Handler.busy |= {"/twice": 2, "/often": 9}
    assert Web().read(f"{http_server}/twice").status == 200
    assert Web().read(f"{http_server}/often").status == 503


def test_nobody_listens(http_server: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Web(connect=1.0).send("GET", "http://127.0.0.1:9/")
    assert not caught.value.sent


def test_a_proxy_is_used_but_not_for_loopback(http_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", http_server.replace("http://", "http://me:secret@"))
    monkeypatch.setenv("NO_PROXY", "near.example")
    through = Web().send("GET", "http://far.example/x").text()
    login = base64.b64encode(b"me:secret").decode()
    assert through.startswith("http://far.example/x ")
    assert through.endswith(f"Basic {login}")
    assert Web().send("GET", f"{http_server}/x").text().startswith("/x ")
