"""Files that come slowly, break off, or are not what their hash says."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError

from tests.infra.emulator.hub.upstream.between import Between, served
from tests.infra.emulator.hub.upstream.conftest import SHARD, Through

FILE = "model-00001-of-00002.safetensors"
PATH = f"/acme/open/resolve/main/{FILE}"
WHOLE = SHARD + b"\1"
BREAK = 1_500_000


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param([BREAK], id="once"),
        pytest.param([0], id="before-the-first-byte"),
        pytest.param([1_000_000, 1, 300_000, 0, 0], id="again-and-again"),
        pytest.param([len(WHOLE) - 1], id="before-the-last-byte"),
    ],
)
def test_a_cut_is_continued_where_it_was(through: Through, far: Between, tmp_path: Path, breaks: list[int]) -> None:
    far.cut_after = list(breaks)
    path = hf_hub_download("acme/open", FILE, endpoint=through.hub, token=False, cache_dir=tmp_path)
    assert Path(path).read_bytes() == WHOLE
    assert len(far.reads) == len(breaks) + 1
    assert all(read.startswith("bytes=") for read in far.reads[1:] if sum(breaks) and read != "all")
    if breaks == [BREAK]:
        assert far.reads == ["all", f"bytes={BREAK}-"]
    assert [name for name in through.blobs() if name.endswith(".incomplete")] == []


@pytest.mark.parametrize("asked", ["bytes=1500000-1500009", "bytes=-10", "bytes=0-"])
def test_a_part_from_a_storage_without_ranges_is_cut_out(through: Through, far: Between, asked: str) -> None:
    far.ranges = False
    answer = httpx.get(through.hub + PATH, headers={"Range": asked}, follow_redirects=True, trust_env=False, timeout=60)
    first, last = asked.removeprefix("bytes=").split("-")
    wanted = WHOLE[int(first) : int(last) + 1 if last else None] if first else WHOLE[-int(last) :]
    assert (answer.status_code, answer.content) == (206, wanted)


def test_a_cut_of_a_storage_without_ranges_is_begun_anew(through: Through, far: Between) -> None:
    far.ranges, far.cut_after = False, [BREAK]
    assert through.get(PATH).content == WHOLE


def test_a_hub_that_is_gone_in_the_middle_breaks_the_answer_and_the_next_one_goes_on(
    through: Through, far: Between
) -> None:
    far.cut_after = [BREAK, *[0] * 5]
    with pytest.raises(httpx.RemoteProtocolError):
        through.get(PATH)
    (begun,) = (path for path in through.cache.glob("*/blobs/*.incomplete"))
    assert begun.stat().st_size == BREAK
    far.stored.clear()
    assert through.get(PATH).content == WHOLE
    assert far.reads == [f"bytes={BREAK}-"]


def test_a_reader_who_leaves_ends_the_download_and_the_next_one_goes_on(through: Through, far: Between) -> None:
    far.slow = 0.05
    with httpx.stream("GET", through.hub + PATH, follow_redirects=True, trust_env=False) as answer:
        next(answer.iter_bytes(100_000))
    deadline = time.monotonic() + 20
    while (size := sum(path.stat().st_size for path in through.cache.glob("*/blobs/*"))) != last_size(through):
        assert time.monotonic() < deadline
    assert 0 < size < len(WHOLE)
    far.slow = 0
    far.stored.clear()
    assert through.get(PATH).content == WHOLE
    assert far.reads == [f"bytes={size}-"]


def last_size(through: Through) -> int:
    """The size of what is there, a while later."""
    time.sleep(0.5)
    return sum(path.stat().st_size for path in through.cache.glob("*/blobs/*"))


def test_a_download_is_continued_after_a_restart_of_the_emulator(
    start_emulator: Callable[..., Any], through: Through, far: Between
) -> None:
    from infra.emulator import launcher

    mine = start_emulator("mine", seed=None)
    choice = {"endpoint": far.hub, "cache": str(through.cache)}
    httpx.put(f"{mine.portal}/hub-upstream", json=choice, trust_env=False).raise_for_status()
    far.slow = 0.1
    with httpx.stream("GET", mine.hub + PATH, follow_redirects=True, trust_env=False) as answer:
        next(answer.iter_bytes(100_000))
        launcher.stop(Path(mine.state))
    (begun,) = (path for path in through.cache.glob("*/blobs/*.incomplete"))
    size = begun.stat().st_size
    far.slow = 0
    far.stored.clear()
    again = start_emulator("mine", seed=None)
    answer = httpx.get(again.hub + PATH, follow_redirects=True, trust_env=False)
    assert answer.content == WHOLE
    assert far.reads == [f"bytes={size}-"]


def test_wrong_content_is_thrown_away_and_said_in_one_sentence(through: Through, far: Between, tmp_path: Path) -> None:
    far.wrong = True
    with pytest.raises(HfHubHTTPError) as refused:
        hf_hub_download("acme/open", FILE, endpoint=through.hub, token=False, cache_dir=tmp_path)
    assert refused.value.response.status_code == 502
    assert f"what {far.hub} sent as {FILE} of acme/open has the hash " in str(refused.value)
    assert "it was thrown away" in str(refused.value)
    assert through.blobs() == []


def test_a_small_file_with_wrong_content_does_not_arrive_at_all(through: Through, far: Between) -> None:
    far.wrong = True
    refused = through.get("/acme/open/resolve/main/config.json")
    assert (refused.status_code, "it was thrown away" in refused.headers["x-error-message"]) == (502, True)
    assert through.blobs() == []


def test_a_slow_hub_is_waited_for(through: Through, far: Between, tmp_path: Path) -> None:
    far.slow = 0.2
    path = hf_hub_download("acme/open", FILE, endpoint=through.hub, token=False, cache_dir=tmp_path)
    assert Path(path).read_bytes() == WHOLE


def test_a_busy_hub_is_asked_again_in_the_middle_of_a_file(through: Through, far: Between) -> None:
    far.cut_after = [BREAK]
    through.fault(path="cdn", skip=1, times=1, status=429, headers={"Retry-After": "1"})
    assert through.get(PATH).content == WHOLE


def test_a_reader_who_comes_back_at_once_gets_the_whole_file(through: Through, far: Between) -> None:
    far.slow = 0.01
    for _ in range(5):
        with httpx.stream("GET", through.hub + PATH, follow_redirects=True, trust_env=False) as answer:
            next(answer.iter_bytes(10_000))
    assert through.get(PATH).content == WHOLE


def test_a_file_that_does_not_fit_is_refused_before_it_is_fetched(through: Through) -> None:
    size, asked = 10**18, []

    async def huge(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["method"])
        headers = {"x-repo-commit": "a" * 40, "x-linked-etag": f'"{"b" * 64}"', "x-linked-size": str(size)}
        headers |= {"location": "https://cdn.example/x", "content-length": "0"}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 302, "headers": raw})
        await send({"type": "http.response.body", "body": b""})

    with served(huge) as hub:
        through.put(endpoint=hub)
        answer = through.get(PATH)
    assert answer.status_code == 507
    assert f"{FILE} of acme/open needs 1000000000.0 GB, " in answer.headers["x-error-message"]
    assert "set GATELIFT_CACHE_DIR" in answer.headers["x-error-message"]
    assert through.blobs() == []
