"""The emulator's database: one SQLite file with ARM documents, their secrets and other records."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, parent TEXT NOT NULL, collection TEXT NOT NULL,
    document TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, collection);
CREATE INDEX IF NOT EXISTS resources_by_place ON resources (collection, json_extract(document, '$.location'));
CREATE TABLE IF NOT EXISTS secrets (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""


class Store:
    """Resources by ARM id (case-insensitive, first spelling kept), their secrets, and records of other kinds."""

    def __init__(self, database: Path) -> None:
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
        database.chmod(0o600)
        # Every access comes from the one event loop, which need not be the thread that opened the file.
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=TRUNCATE")  # a WAL would keep deleted secrets in a second file
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._depth = 0

    def get(self, id: str) -> Document | None:
        """The document as GET returns it, without secrets."""
        row = self._db.execute("SELECT document FROM resources WHERE key = ?", (key_of(id),)).fetchone()
        return json.loads(row[0]) if row else None

    def exists(self, id: str) -> bool:
        """Whether there is such a resource."""
        return self.spelling(id) is not None

    def put(self, id: str, document: Document) -> None:
        """Create or replace a document; the spelling of the id is that of the first put."""
        key = key_of(id)
        parent, collection, _ = split_key(key)
        self._db.execute(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET document = excluded.document",
            (key, id.rstrip("/"), parent, collection, json.dumps(document)),
        )

    def spelling(self, id: str) -> str | None:
        """The id as it was first written, None where there is no such resource."""
        row = self._db.execute("SELECT id FROM resources WHERE key = ?", (key_of(id),)).fetchone()
        return str(row[0]) if row else None

    def delete(self, id: str) -> bool:
        """Remove a resource with everything below it, secrets too; False where there was none."""
        key = key_of(id)
        with self.transaction():
            for table in ("secrets", "resources"):
                # '0' is the character after '/': the range holds exactly the ids below this one.
                removed = self._db.execute(
                    f"DELETE FROM {table} WHERE key = ? OR (key > ? AND key < ?)",  # noqa: S608
                    (key, f"{key}/", f"{key}0"),
                ).rowcount
        return removed > 0

    def children(self, parent_id: str, collection: str) -> list[Document]:
        """The documents of one collection below `parent_id`, sorted by name."""
        rows = self._db.execute(
            "SELECT document FROM resources WHERE parent = ? AND collection = ? ORDER BY key",
            (key_of(parent_id), collection.lower()),
        )
        return [json.loads(row[0]) for row in rows]

    def of_type(self, collection: str) -> list[Document]:
        """The documents of one collection wherever they are, sorted by id."""
        rows = self._db.execute(
            "SELECT document FROM resources WHERE collection = ? ORDER BY key", (collection.lower(),)
        )
        return [json.loads(row[0]) for row in rows]

    def located(self, collection: str, location: str) -> list[str]:
        """The ids of one collection in one region; faster than `of_type` among thousands."""
        rows = self._db.execute(
            "SELECT id FROM resources WHERE collection = ? AND json_extract(document, '$.location') = ?",
            (collection.lower(), location),
        )
        return [str(row[0]) for row in rows]

    def all(self) -> list[Document]:
        """Every document, sorted by id; none of them holds a secret."""
        return [json.loads(row[0]) for row in self._db.execute("SELECT document FROM resources ORDER BY key")]

    def secrets(self, id: str) -> Document | None:
        """The secrets of a resource, which are never part of its document."""
        row = self._db.execute("SELECT value FROM secrets WHERE key = ?", (key_of(id),)).fetchone()
        return json.loads(row[0]) if row else None

    def put_secrets(self, id: str, secrets: Document) -> None:
        """Replace the secrets of a resource."""
        self._db.execute("REPLACE INTO secrets VALUES (?, ?)", (key_of(id), json.dumps(secrets)))

    def record(self, kind: str, key: str) -> Document | None:
        """The record of a kind with this key; both are case-sensitive."""
        row = self._db.execute("SELECT value FROM records WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def put_record(self, kind: str, key: str, value: Document) -> None:
        """Create or replace a record."""
        self._db.execute("REPLACE INTO records VALUES (?, ?, ?)", (kind, key, json.dumps(value)))

    def records(self, kind: str, prefix: str = "") -> dict[str, Document]:
        """All records of a kind by key, in the order of their keys; `prefix` narrows them."""
        rows = self._db.execute(
            "SELECT key, value FROM records WHERE kind = ? AND key >= ? AND key < ? ORDER BY key",
            (kind, prefix, prefix + "\U0010ffff"),
        )
        return {row[0]: json.loads(row[1]) for row in rows}

    def delete_record(self, kind: str, key: str) -> None:
        """Remove a record, if there is one."""
        self._db.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen or none; may be nested, must not span an `await`."""
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def key_of(id: str) -> str:
    """An id as it is compared: lower case, no trailing slash."""
    return id.rstrip("/").lower()


def split_key(id: str) -> tuple[str, str, str]:
    """Parent, collection and name of an id: all but its last two segments, and these two."""
    parent, _, name = id.rstrip("/").rpartition("/")
    parent, _, collection = parent.rpartition("/")
    return parent, collection, name
