"""A Hub that lies, and one whose large files are on another host."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.azure.cloud import SourceFile
from infra.azure.storage.assets import AzureAssets
from infra.azure.target import Target
from infra.errors import Refused

CONTENT = bytes(range(256)) * 65536  # 16 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says, and remembers which paths were asked for with a token."""

    server: Any

    def do_HEAD(self) -> None:
        """Where the file is."""
        self._note()
        self.send_response(302)
        self.send_header("X-Linked-Etag", f'"{SHA256}"')
        self.send_header("X-Linked-Size", str(len(CONTENT)))
        self.send_header("Location", f"{self.server.elsewhere}/signed")
        self.end_headers()

    def do_GET(self) -> None:
        """A range of the file."""
        self._note()
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        content = self.server.lies.get(self.headers["User-Agent"], CONTENT)
        part = content[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def _note(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization")))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hosts() -> Iterator[tuple[Any, Any]]:
    """A Hub, and the host to which it sends who asks for a file."""
    servers: list[Any] = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        server.seen, server.lies = [], {}
        server.elsewhere = f"http://127.0.0.1:{servers[1].server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers[0], servers[1]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("streamed", [True, False])
def test_the_token_stays_with_the_hub(target: Target, hosts: Any, blobs: Any, streamed: bool) -> None:
    hub, cdn = hosts
    file = SourceFile("w", len(CONTENT), SHA256, url=f"http://127.0.0.1:{hub.server_port}/org/m/resolve/c/w")
    assets = AzureAssets(target.workspace, target.arm, streamed=streamed)
    assets.send([file], f"hosts/{streamed}", token="hf_secret0001")
    assert blobs.download_blob(f"hosts/{streamed}/w").readall() == CONTENT
    assert set(hub.seen) == {("/org/m/resolve/c/w", "Bearer hf_secret0001")}
    assert set(cdn.seen) == {("/signed", None)}


@pytest.mark.parametrize(
    ("streamed", "reader"),
    [pytest.param(True, "gatelift", id="us"), pytest.param(False, "azure-storage", id="service")],
)
def test_other_content_than_the_hub_says_is_not_kept(
    target: Target, hosts: Any, blobs: Any, streamed: bool, reader: str
) -> None:
    hub, cdn = hosts
    cdn.lies[reader] = bytes(len(CONTENT))
    file = SourceFile("w", len(CONTENT), SHA256, url=f"http://127.0.0.1:{hub.server_port}/org/m/resolve/c/w")
    with pytest.raises(Refused, match="arrived with another content than the Hub says"):
        AzureAssets(target.workspace, target.arm, streamed=streamed).send([file], f"lies/{streamed}")
    assert list(blobs.list_blobs(name_starts_with=f"lies/{streamed}")) == []
    cdn.lies.clear()
    AzureAssets(target.workspace, target.arm, streamed=streamed).send([file], f"lies/{streamed}")
    assert blobs.download_blob(f"lies/{streamed}/w").readall() == CONTENT
