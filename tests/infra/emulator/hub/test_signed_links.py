"""Large files come from signed addresses, as on the Hub: without a token, in ranges, until they expire."""

import re

import httpx
import pytest

from infra.emulator.world import World

READER = {"Authorization": "Bearer hf_reader"}
FILE = "/acme/gated/resolve/main/model.safetensors"


@pytest.fixture
def address(hub: str) -> str:
    """A signed address that a reader was given."""
    answer = httpx.head(hub + FILE, headers=READER, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


def test_a_large_file_is_elsewhere(hub: str) -> None:
    for method in ("HEAD", "GET"):
        answer = httpx.request(method, hub + FILE, headers=READER, trust_env=False)
        assert (answer.status_code, answer.content) == (302, b"")
        assert re.match(rf"{hub}/cdn/acme/gated/[0-9a-f]{{40}}/model.safetensors\?Expires=", answer.headers["location"])
        assert answer.headers["x-linked-size"] == "8000"
        assert re.fullmatch('"[0-9a-f]{64}"', answer.headers["x-linked-etag"])
        assert re.fullmatch("[0-9a-f]{40}", answer.headers["x-repo-commit"])


def test_a_small_file_is_not(hub: str) -> None:
    answer = httpx.get(f"{hub}/acme/gated/resolve/main/config.json", headers=READER, trust_env=False)
    assert answer.status_code == 200
    assert re.fullmatch('"[0-9a-f]{40}"', answer.headers["etag"])


@pytest.mark.parametrize(
    ("headers", "status", "content"),
    [
        pytest.param({}, 200, b"weights " * 1000, id="whole"),
        pytest.param({"Authorization": "Bearer hf_nobody"}, 200, b"weights " * 1000, id="a-token-does-not-matter"),
        pytest.param({"Range": "bytes=8-15"}, 206, b"weights ", id="range"),
        pytest.param({"Range": "bytes=7992-"}, 206, b"weights ", id="from"),
        pytest.param({"Range": "bytes=-8"}, 206, b"weights ", id="last"),
        pytest.param({"Range": "bytes=8-15", "If-Range": "ETAG"}, 206, b"weights ", id="if-range"),
        pytest.param({"Range": "bytes=8-15", "If-Range": '"other"'}, 200, b"weights " * 1000, id="if-range-changed"),
        pytest.param({"If-None-Match": "ETAG"}, 304, b"", id="unchanged"),
        pytest.param({"Range": "bytes=8000-"}, 416, b"", id="beyond"),
    ],
)
def test_the_address_alone_opens_it(address: str, headers: dict[str, str], status: int, content: bytes) -> None:
    etag = httpx.head(address, trust_env=False).headers["etag"]
    sent = {name: etag if value == "ETAG" else value for name, value in headers.items()}
    answer = httpx.get(address, headers=sent, trust_env=False)
    assert (answer.status_code, answer.content) == (status, content)


def test_an_expired_address_opens_nothing(address: str, bare_world: World) -> None:
    bare_world.settings.update({"clock_ahead_seconds": 3601})
    answer = httpx.get(address, trust_env=False)
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("model.safetensors", "config.json", id="another-file"),
        pytest.param("acme/gated", "acme/open", id="another-repository"),
        pytest.param("Expires=", "Expires=9", id="a-later-end"),
        pytest.param("Signature=", "Signature=0", id="another-signature"),
        pytest.param("Signature=", "Nothing=", id="no-signature"),
    ],
)
def test_a_forged_address_opens_nothing(address: str, old: str, new: str) -> None:
    answer = httpx.get(address.replace(old, new), trust_env=False)
    assert (answer.status_code, "Access denied" in answer.text) == (403, True)


def test_who_may_not_read_gets_no_address(hub: str) -> None:
    answer = httpx.head(hub + FILE, headers={"Authorization": "Bearer hf_stranger"}, trust_env=False)
    assert (answer.status_code, answer.headers.get("location")) == (403, None)
