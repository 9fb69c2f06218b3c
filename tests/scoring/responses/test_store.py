"""Every store keeps the same promises; SQLite's and Redis's also outlive the object that wrote to them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scoring.errors import BadSettings
from scoring.process.lifecycle import open_store
from scoring.responses.store.base import MemoryStore, ResponseStore, StoreUnavailable
from scoring.responses.store.sqlite import SqliteStore, database_path
from scoring.settings.response_store import ResponseStoreSettings, read_response_store

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store of each kind."""
    if request.param == "memory":
        yield "memory"
    elif request.param == "sqlite":
        yield f"sqlite://{tmp_path}/folder/responses.db"
    else:
        redis = request.getfixturevalue("redis_server")
        redis.empty()
        yield redis.url


@asynccontextmanager
async def opened(url: str, **limits: Any) -> AsyncIterator[ResponseStore]:
    store = await open_store(ResponseStoreSettings(url=url, **limits))
    try:
        yield store
    finally:
        await store.close()


async def test_it_gives_back_what_it_was_given_until_it_is_told_to_forget(store_url: str) -> None:
    async with opened(store_url) as store:
        assert await store.get("resp_1") is None
        assert await store.put("resp_1", b"\x00one\xff")
        assert await store.put("resp_2", b"two")
        assert await store.get("resp_1") == b"\x00one\xff"
        assert await store.delete("resp_1")
        assert await store.get("resp_1") is None
        assert not await store.delete("resp_1")
        assert await store.get("resp_2") == b"two"


async def test_a_second_put_replaces_the_first_and_counts_once(store_url: str) -> None:
    async with opened(store_url, size=100) as store:
        for number in range(10):
            assert await store.put("resp_1", b"%d" % number * 60)
        assert await store.put("resp_2", b"x" * 40)
        assert await store.get("resp_1") == b"9" * 60
        assert await store.get("resp_2") == b"x" * 40


async def test_the_oldest_go_when_it_is_full(store_url: str) -> None:
    async with opened(store_url, size=100) as store:
        for number in range(4):
            assert await store.put(f"resp_{number}", b"x" * 30)
            await asyncio.sleep(0.002)  # Redis orders by milliseconds
        found = [number for number in range(4) if await store.get(f"resp_{number}")]
        assert found == [1, 2, 3]
        assert await store.put("resp_4", b"x" * 100)
        assert [number for number in range(5) if await store.get(f"resp_{number}")] == [4]


async def test_what_alone_is_too_large_is_not_kept_and_drives_nothing_out(store_url: str) -> None:
    async with opened(store_url, size=100) as store:
        assert await store.put("resp_1", b"x" * 100)
        assert not await store.put("resp_2", b"x" * 101)
        assert await store.get("resp_1") is not None
        assert await store.get("resp_2") is None


async def test_what_is_too_old_is_not_found_and_takes_no_room(store_url: str) -> None:
    async with opened(store_url, seconds=0.05, size=100) as store:
        assert await store.put("resp_1", b"x" * 100)
        async with asyncio.timeout(10):
            while await store.get("resp_1") is not None:  # noqa: ASYNC110  (time is what is waited for)
                await asyncio.sleep(0.01)
        assert not await store.delete("resp_1")
    async with opened(store_url, size=100) as store:
        assert await store.put("resp_2", b"x" * 100)
        assert await store.get("resp_2") is not None


async def test_expired_responses_leave_their_room_to_others_before_younger_ones_go() -> None:
    now = 0.0
    store = MemoryStore(ResponseStoreSettings(seconds=10, size=100), clock=lambda: now)
    await store.put("resp_1", b"x" * 50)
    now = 9.0
    await store.put("resp_2", b"x" * 50)
    now = 10.0
    await store.put("resp_3", b"x" * 50)
    assert await store.get("resp_1") is None
    assert await store.get("resp_2") is not None
    assert store.size == 100


@pytest.mark.parametrize("store_url", ["sqlite", "redis"], indirect=True)
async def test_another_process_finds_it(store_url: str) -> None:
    async with opened(store_url) as writer:
        await writer.put("resp_1", b"one")
        async with opened(store_url) as reader:
            assert await reader.get("resp_1") == b"one"
            assert await reader.delete("resp_1")
        assert await writer.get("resp_1") is None
        await writer.put("resp_2", b"two")
    async with opened(store_url) as later:
        assert await later.get("resp_2") == b"two"


@pytest.mark.parametrize("store_url", ["sqlite", "redis"], indirect=True)
async def test_the_size_limit_holds_over_all_writers(store_url: str) -> None:
    async with opened(store_url, size=1000) as one, opened(store_url, size=1000) as other:
        await asyncio.gather(
            *(store.put(f"resp_{number}_{id(store)}", b"x" * 90) for number in range(40) for store in (one, other))
        )
        kept = [await one.get(f"resp_{n}_{id(store)}") for n in range(40) for store in (one, other)]
        assert sum(len(payload) for payload in kept if payload) == 990


async def test_the_file_is_for_its_user_alone_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    async with opened(f"sqlite://{tmp_path}/folder/responses.db") as store:
        await store.put("resp_1", b"a secret prompt" * 100)
        await store.delete("resp_1")
    file = tmp_path / "folder" / "responses.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert b"a secret prompt" not in file.read_bytes()


async def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadSettings, match=r"responses\.db"):
        await SqliteStore.opened(ResponseStoreSettings(url=f"sqlite://{tmp_path}/taken/responses.db"))


async def test_a_redis_server_that_is_down_is_said_to_be_unavailable(free_port: int) -> None:
    async with opened(f"redis://:secret@127.0.0.1:{free_port}") as store:
        for ask in (store.get("resp_1"), store.put("resp_1", b"one"), store.delete("resp_1")):
            with pytest.raises(StoreUnavailable) as caught:
                await ask
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, ("memory", 86400, 256 * 2**20), id="memory-by-default"),
        pytest.param({"SCORING_RESPONSE_STORE": "memory"}, ("memory", 86400, 256 * 2**20), id="memory"),
        pytest.param(
            {"SCORING_RESPONSE_STORE": "sqlite:///d/r.db", "SCORING_RESPONSE_STORE_SECONDS": "60"},
            ("sqlite:///d/r.db", 60, 256 * 2**20),
            id="sqlite",
        ),
        pytest.param(
            {"SCORING_RESPONSE_STORE": "rediss://:pw@host:1/2", "SCORING_RESPONSE_STORE_BYTES": "1e6"},
            ("rediss://:pw@host:1/2", 86400, 1_000_000),
            id="redis-with-tls",
        ),
    ],
)
def test_settings(environ: dict[str, str], expected: tuple[str, float, int]) -> None:
    settings = read_response_store(environ)
    assert (settings.url, settings.seconds, settings.size) == expected
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"SCORING_RESPONSE_STORE": "mysql://user:secret@host/db"}, id="unknown-scheme"),
        pytest.param({"SCORING_RESPONSE_STORE": "secret"}, id="no-url"),
        pytest.param({"SCORING_RESPONSE_STORE": "sqlite://"}, id="sqlite-without-a-file"),
        pytest.param({"SCORING_RESPONSE_STORE_SECONDS": "0"}, id="no-time"),
        pytest.param({"SCORING_RESPONSE_STORE_SECONDS": "nan"}, id="not-a-number"),
        pytest.param({"SCORING_RESPONSE_STORE_BYTES": "-1"}, id="negative-size"),
        pytest.param({"SCORING_RESPONSE_STORE_BYTES": "1GB"}, id="size-in-words"),
    ],
)
def test_wrong_settings_are_refused_without_giving_a_password_away(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="SCORING_RESPONSE_STORE") as caught:
        read_response_store(environ)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        pytest.param("sqlite:///d/r.db", "/d/r.db", id="three-slashes"),
        pytest.param("sqlite:////d/r.db", "/d/r.db", id="four-slashes"),
        pytest.param("sqlite:///a%20b/r.db", "/a b/r.db", id="quoted"),
    ],
)
def test_path_of_the_database(url: str, path: str) -> None:
    assert str(database_path(url)) == path


def test_redis_is_not_imported_unless_it_is_asked_for() -> None:
    code = "import sys, scoring.process.lifecycle; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
