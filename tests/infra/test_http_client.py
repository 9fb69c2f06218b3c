"""The HTTP client of plan and status: connections that stay open, proxies, what it says where nobody answers."""

import base64
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from infra.http_client import Unreachable, Web
from infra.parallel import together


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked, over a connection that stays open unless the path says otherwise."""

    protocol_version = "HTTP/1.1"

    busy: ClassVar[dict[str, int]] = {}
    tunnels: ClassVar[list[tuple[str, str]]] = []

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

    def do_CONNECT(self) -> None:
        self.tunnels.append((self.path, self.headers.get("Proxy-Authorization", "")))
        self.send_error(403)

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


@pytest.fixture
def forgetful_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that resets every connection made before the event is set, at its next request."""
    forgotten, made_before = threading.Event(), set[int]()

    class Forgetful(Handler):
        def do_GET(self) -> None:
            if not forgotten.is_set():
                made_before.add(self.client_address[1])
                time.sleep(0.05)  # so that the next request needs a connection of its own
            elif self.client_address[1] in made_before:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forgetful)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", forgotten
    server.shutdown()
    thread.join()
    server.server_close()


def test_connections_that_died_unnoticed_cost_no_answer(forgetful_server: tuple[str, threading.Event]) -> None:
    """A NAT or a load balancer may have forgotten them all while an operation was waited for."""
    address, forgotten = forgetful_server
    web = Web()
    together([lambda: web.send("GET", f"{address}/a") for _ in range(8)])
    forgotten.set()
    assert web.send("GET", f"{address}/b").status == 200


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a server whose certificate nobody has signed, and that certificate's file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alone")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    (tmp_path / "certificate.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://localhost:{server.server_port}", str(tmp_path / "certificate.pem")
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
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1: .*refused") as caught:
        Web(connect=1.0).send("GET", "http://127.0.0.1:9/")
    assert not caught.value.final


def test_a_proxy_is_used_but_not_for_loopback(http_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", http_server.replace("http://", "http://me:secret@"))
    monkeypatch.setenv("NO_PROXY", "near.example")
    through = Web().send("GET", "http://far.example/x").text()
    login = base64.b64encode(b"me:secret").decode()
    assert through.startswith("http://far.example/x ")
    assert through.endswith(f"Basic {login}")
    assert Web().send("GET", f"{http_server}/x").text().startswith("/x ")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_https_goes_through_a_tunnel_of_the_proxy(name: str, http_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, http_server.replace("http://", "http://me:secret@"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    Handler.tunnels.clear()
    with pytest.raises(Unreachable, match=r"far\.example: .*403"):
        Web().send("GET", "https://far.example/x")
    assert Handler.tunnels == [("far.example:443", f"Basic {base64.b64encode(b'me:secret').decode()}")]


def test_a_certificate_that_is_not_trusted_ends_all_tries(self_signed: tuple[str, str]) -> None:
    url, certificate = self_signed
    with pytest.raises(Unreachable, match=r"localhost: self.signed certificate") as caught:
        Web().read(f"{url}/x")
    assert caught.value.final
    assert Web(ca_bundle=certificate).read(f"{url}/x").text().startswith("/x ")


def test_a_bundle_from_the_environment_is_trusted(
    self_signed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = self_signed
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    assert Web().send("GET", f"{url}/x").status == 200
