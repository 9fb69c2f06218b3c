"""Stored responses in one SQLite file: they survive a restart, and processes of one machine may share them."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from scoring.errors import BadSettings
from scoring.responses.store.base import Kept, Outcome, StoreUnavailable, share_of
from scoring.settings.response_store import ResponseStoreSettings

Result = TypeVar("Result")

# The table of an earlier format is emptied: nothing else would ever forget what it holds.
SCHEMA = """
CREATE TABLE IF NOT EXISTS records_2
    (id TEXT PRIMARY KEY, owner TEXT NOT NULL, stored_at REAL NOT NULL, size INTEGER NOT NULL,
     version INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS records_2_by_age ON records_2 (stored_at);
CREATE INDEX IF NOT EXISTS records_2_by_owner ON records_2 (owner, stored_at, size);
"""
EARLIER = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'responses'"
FORGET_OLDEST = """DELETE FROM records_2 WHERE id =
    (SELECT id FROM records_2 WHERE owner = ? AND id <> ? ORDER BY stored_at LIMIT 1) RETURNING size"""


class SqliteStore:
    """One connection, used by one thread of its own so that the event loop never waits for the disk."""

    shared = True

    def __init__(self, settings: ResponseStoreSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self.callers = 1
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="responses")
        self._connection: sqlite3.Connection

    @classmethod
    async def opened(cls, settings: ResponseStoreSettings, clock: Callable[[], float] = time.time) -> "SqliteStore":
        """Open the file, made for this user alone where it is missing."""
        store = cls(settings, clock)
        path = database_path(settings.url)
        try:
            await asyncio.get_running_loop().run_in_executor(store._thread, store._open, path)
        except (OSError, sqlite3.Error) as error:
            store._thread.shutdown(wait=False)
            raise BadSettings(
                f"SCORING_RESPONSE_STORE cannot be opened: {path}: {error}", hint="name a file in a writable folder"
            ) from error
        return store

    async def get(self, key: str) -> Kept | None:
        """Return what is kept under this id."""
        return await self._run(lambda: self._get(key))

    async def add(self, key: str, payload: bytes, owner: str) -> Outcome:
        """Keep something new."""
        return await self._run(lambda: self._add(key, payload, owner))

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep this in the place of a version, and start its time anew."""
        return await self._run(lambda: self._replace(key, payload, version))

    async def room(self, owner: str) -> int:
        """Return how many bytes this caller may add now."""
        return await self._run(lambda: self._room(owner)[0])

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""
        return await self._run(lambda: self._delete(key))

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._connection.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite: {error}") from error

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        # TRUNCATE rather than WAL: the file may lie on a network share. What is deleted is overwritten.
        self._connection.execute("PRAGMA journal_mode = TRUNCATE")
        self._connection.execute("PRAGMA secure_delete = ON")
        self._connection.executescript(SCHEMA)
        if self._connection.execute(EARLIER).fetchone():
            self._connection.execute("DELETE FROM responses")

    def _get(self, key: str) -> Kept | None:
        found = self._connection.execute(
            "SELECT payload, version, owner FROM records_2 WHERE id = ? AND stored_at > ?",
            (key, self._oldest_allowed()),
        ).fetchone()
        return Kept(*found) if found else None

    def _add(self, key: str, payload: bytes, owner: str) -> Outcome:
        with self._transaction():
            self._expire()
            if self._get(key) is not None:
                return Outcome.CONFLICT
            if not self._make_room(key, owner, len(payload), len(payload)):
                return Outcome.FULL
            row = (key, owner, self._clock(), len(payload), payload)
            self._connection.execute("INSERT INTO records_2 VALUES (?, ?, ?, ?, 1, ?)", row)
            return Outcome.DONE

    def _replace(self, key: str, payload: bytes, version: int) -> Outcome:
        with self._transaction():
            self._expire()
            kept = self._get(key)
            if kept is None or kept.version != version:
                return Outcome.CONFLICT
            if not self._make_room(key, kept.owner, len(payload), len(payload) - len(kept.payload)):
                return Outcome.FULL
            row = (self._clock(), len(payload), version + 1, payload, key)
            changed = "UPDATE records_2 SET stored_at = ?, size = ?, version = ?, payload = ? WHERE id = ?"
            self._connection.execute(changed, row)
            return Outcome.DONE

    def _make_room(self, key: str, owner: str, whole: int, more: int) -> bool:
        room, own = self._room(owner)
        if more <= 0:
            return True
        if not share_of(self._settings, self.callers).own_oldest_go:
            return more <= room
        if whole > room:
            return False
        while own + more > room:
            own -= self._connection.execute(FORGET_OLDEST, (owner, key)).fetchone()[0]
        return True

    def _room(self, owner: str) -> tuple[int, int]:
        """Return how many bytes an owner may have beside what others have (or add, without shares), and has."""
        sums = "SELECT TOTAL(size), TOTAL(size) FILTER (WHERE owner = ?) FROM records_2 WHERE stored_at > ?"
        taken, own = map(int, self._connection.execute(sums, (owner, self._oldest_allowed())).fetchone())
        share, free = share_of(self._settings, self.callers), self._settings.size - taken
        return (min(share.size, free + own) if share.own_oldest_go else free), own

    def _delete(self, key: str) -> bool:
        with self._transaction():
            self._expire()
            return self._connection.execute("DELETE FROM records_2 WHERE id = ?", (key,)).rowcount > 0

    def _expire(self) -> None:
        self._connection.execute("DELETE FROM records_2 WHERE stored_at <= ?", (self._oldest_allowed(),))

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection  # as a context it commits, or rolls back what failed

    def _oldest_allowed(self) -> float:
        return self._clock() - self._settings.seconds


def database_path(url: str) -> Path:
    """Return the absolute path of `sqlite:///folder/file.db` (a fourth slash changes nothing)."""
    return Path("/" + unquote(urlsplit(url).path).lstrip("/"))
