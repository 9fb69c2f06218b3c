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
from scoring.responses.store.base import StoreUnavailable
from scoring.settings.response_store import ResponseStoreSettings

Result = TypeVar("Result")

SCHEMA = """
CREATE TABLE IF NOT EXISTS responses
    (id TEXT PRIMARY KEY, stored_at REAL NOT NULL, size INTEGER NOT NULL, payload BLOB);
CREATE INDEX IF NOT EXISTS responses_by_age ON responses (stored_at, size);
"""
FORGET_OLDEST = "DELETE FROM responses WHERE id = (SELECT id FROM responses ORDER BY stored_at LIMIT 1) RETURNING size"


class SqliteStore:
    """One connection, used by one thread of its own so that the event loop never waits for the disk."""

    shared = True

    def __init__(self, settings: ResponseStoreSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
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

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under this id."""
        return await self._run(lambda: self._get(key))

    async def put(self, key: str, payload: bytes) -> bool:
        """Keep it, and let the oldest go where it would not fit."""
        return await self._run(lambda: self._put(key, payload))

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

    def _get(self, key: str) -> bytes | None:
        found = self._connection.execute(
            "SELECT payload FROM responses WHERE id = ? AND stored_at > ?", (key, self._oldest_allowed())
        ).fetchone()
        return found[0] if found else None

    def _put(self, key: str, payload: bytes) -> bool:
        fits = len(payload) <= self._settings.size
        with self._transaction():
            self._connection.execute(
                "DELETE FROM responses WHERE id = ? OR stored_at <= ?", (key, self._oldest_allowed())
            )
            if fits:
                self._make_room(len(payload))
                self._connection.execute(
                    "INSERT INTO responses VALUES (?, ?, ?, ?)", (key, self._clock(), len(payload), payload)
                )
        return fits

    def _make_room(self, size: int) -> None:
        (taken,) = self._connection.execute("SELECT TOTAL(size) FROM responses").fetchone()
        while taken > 0 and taken + size > self._settings.size:
            taken -= self._connection.execute(FORGET_OLDEST).fetchone()[0]

    def _delete(self, key: str) -> bool:
        with self._transaction():
            return (
                self._connection.execute(
                    "DELETE FROM responses WHERE id = ? AND stored_at > ?", (key, self._oldest_allowed())
                ).rowcount
                > 0
            )

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection  # as a context it commits, or rolls back what failed

    def _oldest_allowed(self) -> float:
        return self._clock() - self._settings.seconds


def database_path(url: str) -> Path:
    """Return the absolute path of `sqlite:///folder/file.db` (a fourth slash changes nothing)."""
    return Path("/" + unquote(urlsplit(url).path).lstrip("/"))
