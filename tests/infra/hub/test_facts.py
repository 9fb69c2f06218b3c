"""The files of a model as the Hub lists them, with the hashes that it lets one see."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.hub.access import MANY_FILES, Hub
from infra.hub.facts import HubFile, read_siblings, read_tree

OID, SHA256, MASKED = "c" * 40, "a" * 64, "*" * 64
FOLDER = {"type": "directory", "path": "sub", "oid": OID, "size": 0}


@pytest.mark.parametrize(
    ("sibling", "file"),
    [
        pytest.param({"size": 7, "blobId": OID}, HubFile("sub/f", 7, git_oid=OID), id="small"),
        pytest.param(
            {"size": 9, "blobId": OID, "lfs": {"sha256": SHA256, "size": 9}},
            HubFile("sub/f", 9, sha256=SHA256),
            id="large",
        ),
        pytest.param(
            {"size": 9, "blobId": OID, "lfs": {"sha256": MASKED, "size": 9}}, HubFile("sub/f", 9), id="large-and-masked"
        ),
        pytest.param({}, HubFile("sub/f"), id="untold"),
    ],
)
def test_a_file_among_the_siblings(sibling: dict[str, object], file: HubFile) -> None:
    assert read_siblings([{"rfilename": "sub/f", **sibling}]) == (file,)


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        pytest.param({"size": 7, "oid": OID}, HubFile("sub/f", 7, git_oid=OID), id="small"),
        pytest.param(
            {"size": 9, "oid": OID, "lfs": {"oid": SHA256, "size": 9}}, HubFile("sub/f", 9, sha256=SHA256), id="large"
        ),
        pytest.param(
            {"size": 9, "oid": OID, "lfs": {"oid": MASKED, "size": 9}}, HubFile("sub/f", 9), id="large-and-masked"
        ),
    ],
)
def test_a_file_in_the_tree(entry: dict[str, object], file: HubFile) -> None:
    assert read_tree([FOLDER, {"type": "file", "path": "sub/f", **entry}]) == (file,)


@pytest.fixture(params=["http://127.0.0.1:{}", "", "https://huggingface.co"], ids=["itself", "relative", "mirror"])
def large(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """A Hub whose model has many files: its document leaves some out, and its tree has three pages.

    A mirror of the Hub may leave the public one's address in the links to them.
    """
    names = [f"shard-{number}.safetensors" for number in range(MANY_FILES + 500)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            start = int(parse_qs(url.query).get("cursor", ["0"])[0])
            tree = [{"type": "file", "path": name, "size": 1} for name in names[start : start + 600]]
            info = {"id": "org/name", "sha": OID, "siblings": [{"rfilename": name} for name in names[:MANY_FILES]]}
            body = json.dumps(tree if "/tree/" in url.path else info).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            if start + 600 < len(names):
                base = request.param.format(server.server_port)
                place = f"{base}{url.path}?recursive=true&cursor={start + 600}"
                self.send_header("Link", f'<{place}>; rel="next"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Hub(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_all_files_of_a_large_repository(large: Hub) -> None:
    facts = large.model("org/name", None, None)
    assert (len(facts.files), facts.weights) == (MANY_FILES + 500, MANY_FILES + 500)


@pytest.mark.parametrize(
    ("name", "path"),
    [("config.json", "config.json"), ("sub dir/a#b?.json", "sub%20dir/a%23b%3F.json")],
)
def test_the_address_of_a_file(name: str, path: str) -> None:
    assert Hub("https://hub.example/").resolve_url("org/a", "refs/pr/1", name) == (
        f"https://hub.example/org/a/resolve/refs%2Fpr%2F1/{path}"
    )
