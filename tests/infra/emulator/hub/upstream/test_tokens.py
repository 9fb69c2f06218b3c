"""A token reaches the Hub it is meant for, and nobody else; none is kept."""

from pathlib import Path

import httpx
import pytest
from huggingface_hub import snapshot_download

from tests.infra.emulator.hub.upstream.between import Between, between
from tests.infra.emulator.hub.upstream.conftest import Through

AUTHORIZATION = {"Authorization": "Bearer hf_ann"}


def everywhere(folder: Path, text: bytes) -> list[Path]:
    """The files below a folder that contain a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_the_hub_gets_the_token_and_the_host_of_large_files_does_not(
    through: Through, far: Between, tmp_path: Path
) -> None:
    snapshot_download("acme/gated", endpoint=through.hub, token="hf_ann", cache_dir=tmp_path / "client")
    assert far.stored, "the large file came from the other host"
    assert {request.headers.get("authorization") for request in far.heard} == {"Bearer hf_ann"}
    for request in far.stored:
        assert "hf_ann" not in f"{request.url} {dict(request.headers)}"


@pytest.mark.parametrize("path", ["/api/models/acme/open", "/acme/open/resolve/main/config.json"])
def test_a_hub_that_redirects_to_another_host_is_not_followed(through: Through, path: str) -> None:
    with between(through.real.hub) as other, between(through.real.hub) as hub:
        location = {"Location": f"{other.hub}{path}"}
        through.fault(status=308, headers=location)
        through.put(endpoint=hub.hub)
        answer = through.get(path, **AUTHORIZATION)
        assert answer.status_code == 502
        assert f"redirects to {other.hub.removeprefix('http://')}: set HF_ENDPOINT" in answer.headers["x-error-message"]
        assert not other.heard


def test_a_file_that_is_moved_to_another_host_is_fetched_there_without_the_token(through: Through) -> None:
    path = "/acme/open/resolve/main/config.json"
    with between(through.real.hub) as other, between(through.real.hub) as hub:
        through.fault(
            method="GET",
            path=r"resolve/[0-9a-f]{40}/config",
            times=1,
            status=307,
            headers={"Location": f"{other.hub}{path}"},
        )
        through.put(endpoint=hub.hub)
        assert through.get(path, **AUTHORIZATION).status_code == 200
        assert [request.headers.get("authorization") for request in other.heard] == [None]


def test_a_token_for_one_hub_does_not_go_to_the_next(through: Through, far: Between) -> None:
    file = "/acme/gated/resolve/main/model.safetensors"
    address = httpx.head(through.hub + file, headers=AUTHORIZATION, trust_env=False).headers["location"]
    with between(through.real.hub) as other:
        through.put(endpoint=other.hub)
        assert httpx.get(address, trust_env=False).status_code == 401
        assert [request.headers.get("authorization") for request in other.heard] == [None]


def test_no_token_is_kept(through: Through, tmp_path: Path) -> None:
    through.get("/acme/gated/resolve/main/model.safetensors", **AUTHORIZATION)
    through.get("/api/models/acme/gated?blobs=true", **AUTHORIZATION)
    through.get("/api/whoami-v2", **AUTHORIZATION)
    through.get("/acme/gated/resolve/main/model.safetensors", Authorization="Bearer hf_roy")
    assert through.blobs()
    for token in (b"hf_ann", b"hf_roy"):
        assert everywhere(through.cache, token) == []
        assert everywhere(Path(through.profile.state), token) == []


def test_a_token_of_our_own_is_not_sent_upstream(through: Through, far: Between) -> None:
    demo = httpx.get(f"{through.profile.portal}/token", trust_env=False).json()["token"]
    through.get("/acme/open/resolve/main/config.json", Authorization=f"Bearer {demo}")
    assert far.heard
    assert all("authorization" not in request.headers for request in far.heard)


def test_passwords_of_proxies_are_not_shown(through: Through) -> None:
    shown = through.put(proxies={"HTTPS_PROXY": "http://me:secret-word@proxy.example:3128"})
    assert shown["proxies"] == {"https": "http://***@proxy.example:3128"}
    through.put()
    assert httpx.get(f"{through.profile.portal}/hub-upstream", trust_env=False).json()["proxies"] == {}
