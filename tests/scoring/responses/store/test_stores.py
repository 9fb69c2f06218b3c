"""Every store keeps the same promises; SQLite's and Redis's also outlive the object that wrote to them."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scoring.errors import BadSettings
from scoring.process.lifecycle import open_store
from scoring.responses.store.base import Kept, Outcome, ResponseStore, StoreUnavailable
from scoring.responses.store.memory import MemoryStore
from scoring.responses.store.redis_store import RedisStore
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


async def added(store: ResponseStore, key: str, payload: bytes, owner: str = "") -> Outcome:
    outcome = await store.add(key, payload, owner)
    await asyncio.sleep(0.002)  # Redis orders by milliseconds
    return outcome


async def kept_of(store: ResponseStore, *keys: str) -> list[str]:
    return [key for key in keys if await store.get(key) is not None]


async def test_it_gives_back_what_it_was_given_until_it_is_told_to_forget(store_url: str) -> None:
    async with opened(store_url) as store:
        assert await store.get("resp_1") is None
        assert await store.add("resp_1", b"\x00one\xff", "somebody") is Outcome.DONE
        assert await store.add("resp_2", b"two", "") is Outcome.DONE
        assert await store.get("resp_1") == Kept(b"\x00one\xff", 1, "somebody")
        assert await store.get("resp_2") == Kept(b"two", 1, "")
        assert await store.delete("resp_1")
        assert await store.get("resp_1") is None
        assert not await store.delete("resp_1")
        assert await kept_of(store, "resp_1", "resp_2") == ["resp_2"]
        assert await store.add("resp_1", b"again", "") is Outcome.DONE


async def test_an_id_is_taken_once(store_url: str) -> None:
    async with opened(store_url) as store:
        outcomes = await asyncio.gather(*(store.add("resp_1", b"%d" % number, "") for number in range(10)))
        assert sorted(outcome.name for outcome in outcomes) == ["CONFLICT"] * 9 + ["DONE"]
        assert await store.add("resp_1", b"another caller's", "somebody") is Outcome.CONFLICT


async def test_only_the_version_that_was_read_is_replaced(store_url: str) -> None:
    async with opened(store_url) as store:
        assert await store.replace("resp_1", b"one", 1) is Outcome.CONFLICT
        await store.add("resp_1", b"one", "somebody")
        outcomes = await asyncio.gather(*(store.replace("resp_1", b"two", 1) for _ in range(10)))
        assert sorted(outcome.name for outcome in outcomes) == ["CONFLICT"] * 9 + ["DONE"]
        assert await store.get("resp_1") == Kept(b"two", 2, "somebody")
        await store.delete("resp_1")
        assert await store.replace("resp_1", b"three", 2) is Outcome.CONFLICT
        assert await store.get("resp_1") is None


async def test_where_callers_are_not_told_apart_nothing_is_pushed_out(store_url: str) -> None:
    async with opened(store_url, size=100) as store:
        assert await store.room("") == 100
        assert await added(store, "resp_1", b"x" * 60) is Outcome.DONE
        assert await store.room("") == 40
        assert await added(store, "resp_2", b"x" * 41) is Outcome.FULL
        assert await added(store, "resp_3", b"x" * 40) is Outcome.DONE
        assert await store.replace("resp_3", b"x" * 41, 1) is Outcome.FULL
        assert await store.replace("resp_3", b"x" * 30, 1) is Outcome.DONE
        assert await kept_of(store, "resp_1", "resp_2", "resp_3") == ["resp_1", "resp_3"]
        assert await store.room("") == 10
        await store.delete("resp_1")
        assert await store.room("") == 70


async def test_each_caller_pushes_out_only_its_own_oldest(store_url: str) -> None:
    async with opened(store_url, size=200) as store:
        store.callers = 2
        assert await added(store, "other", b"x" * 100, "b") is Outcome.DONE
        for number in range(4):
            assert await added(store, f"resp_{number}", b"x" * 30, "a") is Outcome.DONE
        keys = [f"resp_{number}" for number in range(6)]
        assert await kept_of(store, "other", *keys) == ["other", "resp_1", "resp_2", "resp_3"]
        assert await store.replace("resp_1", b"x" * 45, 1) is Outcome.DONE  # its time begins anew
        assert await kept_of(store, "other", *keys) == ["other", "resp_1", "resp_3"]
        assert await added(store, "resp_4", b"x" * 101, "a") is Outcome.FULL
        assert await kept_of(store, "other", *keys) == ["other", "resp_1", "resp_3"]
        assert await added(store, "resp_5", b"x" * 100, "a") is Outcome.DONE
        assert await kept_of(store, "other", *keys) == ["other", "resp_5"]
        assert await store.replace("resp_5", b"x" * 101, 1) is Outcome.FULL
        assert [await store.room(owner) for owner in "ab"] == [100, 100]


async def test_what_others_left_when_there_were_no_shares_stays_within_the_whole(store_url: str) -> None:
    async with opened(store_url, size=100) as store:
        await added(store, "earlier", b"x" * 80)
        store.callers = 2
        assert await store.room("a") == 20
        assert await added(store, "resp_1", b"x" * 21, "a") is Outcome.FULL
        assert await added(store, "resp_2", b"x" * 20, "a") is Outcome.DONE
        assert await kept_of(store, "earlier", "resp_2") == ["earlier", "resp_2"]


async def test_what_is_too_old_is_not_found_and_takes_no_room(store_url: str) -> None:
    async with opened(store_url, seconds=0.05, size=100) as store:
        assert await added(store, "resp_1", b"x" * 100) is Outcome.DONE
        async with asyncio.timeout(10):
            while await store.get("resp_1") is not None:  # noqa: ASYNC110  (time is what is waited for)
                await asyncio.sleep(0.01)
        assert not await store.delete("resp_1")
        assert await store.replace("resp_1", b"x", 1) is Outcome.CONFLICT
        assert await store.room("") == 100
        assert await added(store, "resp_1", b"x" * 100) is Outcome.DONE


async def test_a_replacement_starts_its_time_anew() -> None:
    now = 0.0
    store = MemoryStore(ResponseStoreSettings(seconds=10, size=100), clock=lambda: now)
    await store.add("resp_1", b"x" * 50, "")
    await store.add("resp_2", b"x" * 50, "")
    now = 9.0
    await store.replace("resp_1", b"y" * 50, 1)
    now = 10.0
    assert await kept_of(store, "resp_1", "resp_2") == ["resp_1"]
    assert store.size == 50


@pytest.mark.parametrize("store_url", ["sqlite", "redis"], indirect=True)
async def test_another_process_finds_it(store_url: str) -> None:
    async with opened(store_url) as writer, opened(store_url) as reader:
        await writer.add("resp_1", b"one", "")
        assert await reader.replace("resp_1", b"two", 1) is Outcome.DONE
        assert await writer.replace("resp_1", b"three", 1) is Outcome.CONFLICT
        assert await writer.get("resp_1") == Kept(b"two", 2, "")
        assert await reader.delete("resp_1")
        assert await writer.get("resp_1") is None
        await writer.add("resp_2", b"two", "")
    async with opened(store_url) as later:
        assert await kept_of(later, "resp_2") == ["resp_2"]


@pytest.mark.parametrize("store_url", ["sqlite", "redis"], indirect=True)
async def test_the_size_limit_holds_over_all_writers(store_url: str) -> None:
    async with opened(store_url, size=1000) as one, opened(store_url, size=1000) as other:
        keys = [(store, f"resp_{number}_{id(store)}") for number in range(40) for store in (one, other)]
        await asyncio.gather(*(store.add(key, b"x" * 90, "") for store, key in keys))
        assert len(await kept_of(one, *(key for _, key in keys))) == 11


async def test_a_file_of_an_earlier_version_is_taken_over_without_what_it_held(tmp_path: Path) -> None:
    file = tmp_path / "responses.db"
    with sqlite3.connect(file) as earlier:
        earlier.execute("CREATE TABLE responses (id TEXT PRIMARY KEY, stored_at REAL, size INTEGER, payload BLOB)")
        earlier.execute("INSERT INTO responses VALUES ('resp_1', 1, 15, 'a secret prompt')")
    earlier.close()
    async with opened(f"sqlite://{file}") as store:
        assert await store.get("resp_1") is None
        assert await store.add("resp_1", b"one", "") is Outcome.DONE
    assert b"a secret prompt" not in file.read_bytes()


async def test_the_file_is_for_its_user_alone_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    async with opened(f"sqlite://{tmp_path}/folder/responses.db") as store:
        await store.add("resp_1", b"a secret prompt" * 100, "")
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
        for ask in (store.get("resp_1"), store.add("resp_1", b"one", ""), store.delete("resp_1"), store.room("")):
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
def test_settings_name_the_store_and_hide_its_password(
    environ: dict[str, str], expected: tuple[str, float, int]
) -> None:
    settings = read_response_store(environ)
    assert (settings.url, settings.seconds, settings.size) == expected
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"SCORING_RESPONSE_STORE": "mysql://user:secret@host/db"}, id="unknown-scheme"),
        pytest.param({"SCORING_RESPONSE_STORE": "secret"}, id="no-url"),
        pytest.param({"SCORING_RESPONSE_STORE": "redis://:secret/more@host:6379/0"}, id="slash-in-a-password"),
        pytest.param({"SCORING_RESPONSE_STORE": "redis://:secret[more@host:6379/0"}, id="bracket-in-a-password"),
        pytest.param({"SCORING_RESPONSE_STORE": "sqlite://"}, id="sqlite-without-a-file"),
        pytest.param({"SCORING_RESPONSE_STORE_SECONDS": "0"}, id="no-time"),
        pytest.param({"SCORING_RESPONSE_STORE_SECONDS": "nan"}, id="not-a-number"),
        pytest.param({"SCORING_RESPONSE_STORE_BYTES": "-1"}, id="negative-size"),
        pytest.param({"SCORING_RESPONSE_STORE_BYTES": "1GB"}, id="size-in-words"),
    ],
)
def test_wrong_settings_are_refused_without_giving_a_password_away(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="SCORING_RESPONSE_STORE") as caught:
        RedisStore(read_response_store(environ))
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
