"""Every refusal of the Hub becomes one message that tells the cases apart; the token is in none of them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from httpx import Request, Response
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import hf_raise_for_status

from scoring.errors import WeightsMissing
from scoring.weights.hub_token import hub_token
from scoring.weights.places import is_hub_id
from scoring.weights.refusals import explain_refusal
from scoring.weights.weights import Wanted, fetch_weights
from tests.scoring.weights.tensors import safetensors

PAGE = "http://hub.test/org/name"


def refusal(status: int, code: str | None, message: str) -> WeightsMissing:
    """Return what we say when the Hub answers so, its answer read by huggingface_hub itself."""
    headers = {"x-error-message": message} | ({"x-error-code": code} if code else {})
    request = Request("GET", "http://hub.test/api/models/org/name/revision/main")
    with pytest.raises(HfHubHTTPError) as caught:
        hf_raise_for_status(Response(status, headers=headers, request=request))
    return explain_refusal(caught.value, model="org/name", revision="v9", page=PAGE)


@pytest.mark.parametrize(
    ("status", "code", "message", "words"),
    [
        pytest.param(401, "GatedRepo", "Access is restricted. Please log in.", "no valid token", id="gated-no-token"),
        pytest.param(403, "GatedRepo", "You are not in the authorized list.", "no access to the gated", id="gated"),
        pytest.param(403, "GatedRepo", "Your request is awaiting a review.", "not yet granted", id="gated-pending"),
        pytest.param(403, "GatedRepo", "Your request has been rejected.", "rejected the request", id="gated-rejected"),
        pytest.param(
            403, "GatedRepo", "Please enable access in your fine-grained token settings", "may not read gated",
            id="gated-fine-grained",
        ),
        pytest.param(404, "RepoNotFound", "Repository not found", "does not exist", id="no-such-model"),
        pytest.param(404, "RevisionNotFound", "Invalid rev id", "no revision 'v9'", id="no-such-revision"),
        pytest.param(401, "RepoNotFound", "Not found", "token is missing, wrong", id="unknown-to-a-stranger"),
        pytest.param(401, None, "Invalid credentials", "token is missing, wrong", id="bad-token"),
        pytest.param(503, None, "Try later", "answered 503", id="hub-has-a-problem"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(status: int, code: str | None, message: str, words: str) -> None:
    error = refusal(status, code, message)
    assert words in str(error)
    assert "\n" not in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param("org/name", True, id="org-and-name"),
        pytest.param("gpt2", True, id="name-alone"),
        pytest.param("/models/x", False, id="absolute"),
        pytest.param("./x", False, id="relative"),
        pytest.param("s3://bucket/x", False, id="object-store"),
        pytest.param("org/name:Q4_0", False, id="gguf-with-quantisation"),
    ],
)
def test_hub_ids_and_paths(model: str, expected: bool) -> None:
    assert is_hub_id(model) is expected


FILES = {
    "config.json": b"{}",
    "model.safetensors": safetensors(5000),
    "pytorch_model.bin": b"old",
    "onnx/model.onnx": b"x",
}


# What the model `org/cut` has in one file: it breaks off halfway, and goes on after the last whole piece of
# huggingface_hub, which is 10 MiB long.
LARGE, LONGEST_PIECE = safetensors(24_000_000), 15_000_000


class Hub(BaseHTTPRequestHandler):
    """A Hub with one model of both formats; `begun` is where each answer with a large file has begun."""

    begun: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            files = FILES | ({"model.safetensors": LARGE} if "org/cut" in self.path else {})
            entries = [{"type": "file", "path": path, "size": len(text), "oid": path} for path, text in files.items()]
            self._send(json.dumps(entries).encode())
        elif self.path.startswith("/api/models/org/"):
            size = 10**18 if "huge" in self.path else 1
            siblings = [{"rfilename": name, "size": size} for name in FILES]
            self._send(json.dumps({"id": "org/name", "sha": "a" * 40, "siblings": siblings}).encode())
        else:
            name = self.path.split("a" * 40 + "/")[1]
            self._send(LARGE if self.path.startswith("/org/cut/") and name == "model.safetensors" else FILES[name])

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, body: bytes) -> None:
        begin = int((self.headers.get("range") or "bytes=0-")[len("bytes=") :].partition("-")[0])
        self.send_response(206 if begin else 200)
        whole, body = len(body), body[begin:]
        if begin:
            self.send_header("content-range", f"bytes {begin}-{whole - 1}/{whole}")
        for name, value in (
            ("content-length", str(len(body))),
            ("etag", f'"{self.path[-9:]}"'),
            ("x-repo-commit", "a" * 40),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            cut = len(body) > LONGEST_PIECE
            self.begun += [begin] if whole > LONGEST_PIECE else []
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub_url() -> Iterator[str]:
    """The address of that Hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_download_takes_one_format(hub_url: str, tmp_path: Path) -> None:
    weights = fetch_weights(Wanted("org/name"), hub_url, cache=tmp_path)
    files = {str(path.relative_to(weights.location)) for path in Path(weights.location).rglob("*") if path.is_file()}
    assert files == {"config.json", "model.safetensors"}
    assert weights.name == "org/name"


def test_download_from_the_cache_when_the_hub_is_away(hub_url: str, tmp_path: Path) -> None:
    there = fetch_weights(Wanted("org/name"), hub_url, cache=tmp_path)
    away = fetch_weights(Wanted("org/name", "a" * 40), "http://127.0.0.1:9", cache=tmp_path)
    assert away == there


def test_a_file_that_breaks_off_goes_on_where_it_was(hub_url: str, tmp_path: Path) -> None:
    weights = fetch_weights(Wanted("org/cut"), hub_url, 30, tmp_path)
    assert Path(weights.location, "model.safetensors").read_bytes() == LARGE
    assert Hub.begun[-2:] == [0, 10 * 1024 * 1024]


def test_a_model_that_the_disk_has_no_room_for_is_not_begun(hub_url: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"org/huge needs 2000000\.0 TB more on the disk of .*, and .* are free"):
        fetch_weights(Wanted("org/huge"), hub_url, cache=tmp_path)
    assert not list(tmp_path.rglob("*"))


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no config\.json"):
        fetch_weights(Wanted(str(tmp_path)), "http://hub.test")


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        pytest.param('"hf_quoted12345"', "quotation marks", id="quotes"),
        pytest.param("Bearer hf_bearer12345", "Bearer", id="bearer"),
        pytest.param("${HF_TOKEN}", "filled in", id="unexpanded"),
        pytest.param("<your-token>", "filled in", id="placeholder"),
        pytest.param("hf_two hf_words", "2 words", id="two-words"),
        pytest.param("hf_z\u200bero12345", "no token has", id="not-ascii"),
    ],
)
def test_what_hf_token_holds_is_refused_in_a_sentence_that_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, stored: str, fault: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", stored)
    with pytest.raises(WeightsMissing, match=fault) as refused:
        fetch_weights(Wanted("org/name"), "http://127.0.0.1:9")
    assert stored not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("stored", ["hf_clean12345\n", "\ufeffhf_clean12345", " hf_clean12345\r\n"])
def test_what_lies_around_the_token_is_trimmed(stored: str) -> None:
    assert hub_token({"HF_TOKEN": stored}) == "hf_clean12345"
    assert hub_token({"HF_TOKEN": " "}) is hub_token({}) is None
