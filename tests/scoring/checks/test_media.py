"""Which media are fetched: none but from listed hosts with public addresses, and never past a redirect."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from scoring.checks.ceilings import survey
from scoring.checks.media import check_addresses, check_media, is_public
from scoring.engine.modules import prepare_environment
from scoring.problems import Problem
from scoring.settings.limits import Limits


@pytest.mark.parametrize(
    ("address", "public"),
    [
        pytest.param("8.8.8.8", True, id="public"),
        pytest.param("2606:4700::1111", True, id="public-v6"),
        pytest.param("::ffff:8.8.8.8", True, id="public-v4-in-v6"),
        pytest.param("127.0.0.1", False, id="loopback"),
        pytest.param("127.9.9.9", False, id="loopback-elsewhere"),
        pytest.param("0.0.0.0", False, id="this-host"),  # noqa: S104
        pytest.param("10.1.2.3", False, id="private-10"),
        pytest.param("172.16.0.1", False, id="private-172"),
        pytest.param("192.168.0.1", False, id="private-192"),
        pytest.param("100.64.0.1", False, id="carrier-grade-nat"),
        pytest.param("169.254.169.254", False, id="instance-metadata"),
        pytest.param("168.63.129.16", False, id="azure-platform"),
        pytest.param("224.0.0.1", False, id="multicast"),
        pytest.param("255.255.255.255", False, id="broadcast"),
        pytest.param("::1", False, id="loopback-v6"),
        pytest.param("::", False, id="this-host-v6"),
        pytest.param("fe80::1%eth0", False, id="link-local-v6"),
        pytest.param("fc00::1", False, id="unique-local"),
        pytest.param("fec0::1", False, id="site-local"),
        pytest.param("ff02::1", False, id="multicast-v6"),
        pytest.param("::ffff:127.0.0.1", False, id="loopback-mapped"),
        pytest.param("::127.0.0.1", False, id="loopback-compatible"),
        pytest.param("64:ff9b::a9fe:a9fe", False, id="instance-metadata-by-nat64"),
        pytest.param("2002:7f00:1::", False, id="loopback-by-6to4"),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def check(url: Any, *hosts: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    document = {"messages": [{"role": "user", "content": [part]}]}
    urls = check_media(survey(document).media, document, frozenset(hosts), Limits(max_media_bytes=1000))
    check_addresses(urls, document)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param("https://localhost/a", "localhost", id="name-of-loopback"),
        pytest.param("https://127.0.0.1/a", "127.0.0.1", id="loopback"),
        pytest.param("https://10.0.0.1/a", "10.0.0.1", id="private"),
        pytest.param("https://169.254.169.254/a", "169.254.169.254", id="link-local"),
        pytest.param("https://2130706433/a", "2130706433", id="loopback-as-a-number"),
        pytest.param("https://[::1]/a", "::1", id="loopback-v6"),
    ],
)
def test_listed_host_with_an_address_inside_is_refused(url: str, host: str) -> None:
    with pytest.raises(Problem, match="not public") as caught:
        check(url, host)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("data:image/png;base64," + "A" * 1000, 0, id="small-data-url"),
        pytest.param("data:image/png;base64," + "A" * 2000, 413, id="big-data-url"),
        pytest.param("DATA:image/png;base64," + "A" * 2000, 413, id="big-data-url-in-capitals"),
        pytest.param("http://8.8.8.8/a", 422, id="http"),
        pytest.param("https://8.8.8.8/a", 0, id="listed"),
        pytest.param("https://8.8.8.8./a", 0, id="listed-with-a-dot"),
        pytest.param("https://8.8.8.8@8.8.4.4/a", 422, id="user-that-looks-like-a-host"),
        pytest.param("https://8.8.4.4/a", 422, id="not-listed"),
        pytest.param("https://[8.8.8.8/a", 422, id="no-url"),
        pytest.param("AAAA", 0, id="bare-base64"),
        pytest.param("data:image/png;charset=utf-8;base64,AA==", 0, id="data-url-with-a-parameter"),
        pytest.param("data:image/png,xx", 422, id="data-url-not-in-base64"),
        pytest.param("data:image/png;base64", 0, id="data-url-without-data"),
        pytest.param("file:/etc/passwd", 422, id="file-with-one-slash"),
        pytest.param("a-scheme-of-many-letters:x", 422, id="long-scheme"),
        pytest.param("https:x", 422, id="https-without-a-host"),
    ],
)
def test_url(url: str, status: int) -> None:
    if not status:
        check(url, "8.8.8.8")
        return
    with pytest.raises(Problem) as caught:
        check(url, "8.8.8.8")
    assert caught.value.status == status
    path = ["messages", "0", "content", "0", "image_url", "url"]
    assert caught.value.details == {"loc": ["body", *path], "value": url[:200]}
    assert caught.value.param == ".".join(path)


def test_pixels_of_an_image_are_bounded() -> None:
    environ: dict[str, str] = {}
    prepare_environment(environ)
    assert int(environ["VLLM_MAX_IMAGE_PIXELS"]) < 13_000 * 13_000


def test_redirect_is_not_followed() -> None:
    environ: dict[str, str] = {}
    prepare_environment(environ)
    assert environ["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    # vLLM's connector asks this variable wherever it fetches; read, not imported: that takes half a minute.
    vllm = importlib.util.find_spec("vllm")
    assert vllm is not None
    connector = (Path(str(vllm.origin)).parent / "multimodal" / "media" / "connector.py").read_text()
    fetches = len(re.findall(r"connection\.(?:async_)?get_\w+\(", connector))
    assert fetches == connector.count("allow_redirects=envs.VLLM_MEDIA_URL_ALLOW_REDIRECTS") > 0
