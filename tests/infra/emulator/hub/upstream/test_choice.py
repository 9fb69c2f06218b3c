"""Which Hub is upstream: what was told, what a seed says, and what cannot be one."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.hub.upstream.choice import Choices
from infra.emulator.hub.upstream.client import proxy_patterns
from infra.emulator.world import World
from tests.infra.emulator.hub.upstream.between import between, served
from tests.infra.emulator.hub.upstream.conftest import Through

MIRROR = "https://hub.example/mirror"


def choices(world: World, **environ: str) -> Choices:
    return Choices(world.store, world.urls, environ)


@pytest.mark.parametrize(
    ("seed", "told", "endpoint"),
    [
        pytest.param(None, None, "", id="nobody-said-anything"),
        pytest.param(None, "", "https://huggingface.co", id="no-seed"),
        pytest.param(None, MIRROR, MIRROR, id="told"),
        pytest.param({}, "", "", id="a-seed-seals"),
        pytest.param({"upstream": None}, "", "", id="a-seed-seals-in-words"),
        pytest.param({"upstream": MIRROR}, None, MIRROR, id="a-seed-names-one"),
        pytest.param({"upstream": MIRROR}, "", MIRROR, id="a-seed-names-one-and-nobody-else-does"),
        pytest.param({"upstream": "https://other.example"}, MIRROR, MIRROR, id="a-person-overrides-the-seed"),
        pytest.param({}, f" {MIRROR}/ ", MIRROR, id="a-person-opens-a-sealed-one"),
    ],
)
def test_what_holds(bare_world: World, seed: Any, told: str | None, endpoint: str) -> None:
    if seed is not None:
        choices(bare_world).put_seed(seed)
    if told is not None:
        choices(bare_world).put({"endpoint": told})
    assert choices(bare_world).current().endpoint == endpoint


def test_the_cache_is_gatelifts_unless_told(bare_world: World, tmp_path: Path) -> None:
    assert choices(bare_world, GATELIFT_CACHE_DIR=str(tmp_path)).current().cache == str(tmp_path / "hub")
    choices(bare_world).put({"cache": "/elsewhere"})
    assert choices(bare_world, GATELIFT_CACHE_DIR=str(tmp_path)).current().cache == "/elsewhere"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param({"endpoint": "huggingface.co"}, "must be the address of a Hub", id="no-scheme"),
        pytest.param({"endpoint": "https://"}, "must be the address of a Hub", id="no-host"),
        pytest.param({"endpoint": "https://me:secret-word@hub.example"}, "must be the address of a Hub", id="login"),
        pytest.param({"endpoint": "http://127.0.0.1:4"}, "cannot be its own upstream", id="itself"),
        pytest.param({"endpoint": "http://localhost:4/"}, "cannot be its own upstream", id="itself-by-name"),
        pytest.param({"endpoint": 5}, "Expected `str`", id="number"),
        pytest.param({"token": "hf_x"}, "unknown field `token`", id="token"),
        pytest.param({"proxies": {"ftp": "x"}}, "proxies has 'ftp'", id="proxy"),
        pytest.param([], "Expected `object`", id="list"),
    ],
)
def test_what_cannot_be_a_choice(bare_world: World, document: Any, words: str) -> None:
    bare_world.urls.hub = "http://127.0.0.1:4"
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        choices(bare_world).put(document)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2", "hub.localhost"])
def test_the_portal_refuses_its_own_hub(through: Through, name: str) -> None:
    url = f"{through.profile.portal}/hub-upstream"
    answer = httpx.put(url, json={"endpoint": through.hub.replace("127.0.0.1", name)}, trust_env=False)
    assert (answer.status_code, "cannot be its own upstream" in answer.text) == (400, True)
    assert httpx.get(url, trust_env=False).json()["endpoint"] == through.real.hub


def test_a_loop_over_another_hub_is_told(through: Through) -> None:
    with between(through.hub) as other:  # asks us in turn
        through.put(endpoint=other.hub)
        answer = through.get("/api/models/acme/open")
        assert (answer.status_code, "a loop" in answer.headers["x-error-message"]) == (508, True)


def test_the_upstream_is_asked_over_the_proxy(through: Through) -> None:
    heard: list[tuple[str, dict[str, str]]] = []

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        heard.append((headers["host"], headers))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"id": "acme/open"}'})

    with served(proxy) as place:
        address = place.replace("http://", "http://me:secret-word@")
        through.put(endpoint="http://hub.example", proxies={"http_proxy": address})
        assert through.get("/api/models/acme/open").json() == {"id": "acme/open"}
    assert [host for host, _ in heard] == ["hub.example"]
    assert heard[0][1]["proxy-authorization"].startswith("Basic ")
    for path in Path(through.profile.state).rglob("*"):
        assert path.name.startswith("emulator.sqlite3") or not path.is_file() or b"secret-word" not in path.read_bytes()


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_no_proxy_comes_between_us_and_loopback(through: Through, proxy: str) -> None:
    through.put(proxies={"all_proxy": proxy, "no_proxy": "corp.example"})
    assert through.get("/api/models/acme/open").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "url", "proxy"),
    [
        pytest.param({}, "https://huggingface.co", None, id="none"),
        pytest.param({"https": "http://p:1"}, "https://huggingface.co", "http://p:1", id="https"),
        pytest.param({"https": "p:1"}, "https://huggingface.co", "http://p:1", id="without-a-scheme"),
        pytest.param({"https": "http://p:1"}, "http://huggingface.co", None, id="another-scheme"),
        pytest.param({"all": "http://p:1"}, "http://huggingface.co", "http://p:1", id="all"),
        pytest.param({"all": "http://p:1", "https": "http://q:1"}, "https://huggingface.co", "http://q:1", id="nearer"),
        pytest.param({"all": "http://p:1", "no": "huggingface.co"}, "https://huggingface.co", "", id="no"),
        pytest.param({"all": "http://p:1", "no": ".example"}, "https://hub.example", "", id="no-domain"),
        pytest.param({"all": "http://p:1", "no": "other, *"}, "https://huggingface.co", None, id="no-at-all"),
        pytest.param({"all": "http://p:1"}, "http://127.0.0.1:5", "", id="loopback"),
        pytest.param({"http": "http://p:1", "no": "[::1],x"}, "http://localhost:5", "", id="loopback-by-name"),
    ],
)
def test_proxies_are_for_the_upstream_and_never_for_loopback(proxies: dict[str, str], url: str, proxy: Any) -> None:
    from httpx._utils import URLPattern

    patterns = {URLPattern(pattern): found for pattern, found in proxy_patterns(proxies).items()}
    matching = [pattern for pattern in sorted(patterns) if pattern.matches(httpx.URL(url))]
    assert (patterns[matching[0]] if matching else None) == proxy
