"""The state of the service in SQLite: one file, one connection, short transactions.

WAL with full synchronisation: what was answered is on the disk, also after kill -9 or a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omentum.errors import OutputError

_SETTINGS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": "10000",
    "secure_delete": "ON",
}
_CHANGES = (
    """
CREATE TABLE upload (id TEXT PRIMARY KEY, created REAL NOT NULL);
CREATE TABLE file (
    upload TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE, name TEXT NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (upload, name)
);
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, upload TEXT NOT NULL,
    state TEXT NOT NULL, options TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    created REAL NOT NULL, started REAL, ended REAL, attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT, result_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_state ON job (state, number);
CREATE INDEX job_upload ON job (upload);
""",
    """
CREATE TABLE image_name (upload TEXT PRIMARY KEY REFERENCES upload (id) ON DELETE CASCADE, name TEXT NOT NULL);
CREATE INDEX image_name_name ON image_name (name);
""",
    "ALTER TABLE job ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;",
    """
CREATE TABLE image_info (
    upload TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE, tag TEXT NOT NULL, info TEXT NOT NULL,
    PRIMARY KEY (upload, tag)
);
""",
)
"""What each version adds to the one before it."""
VERSION = len(_CHANGES)


class Database:
    """The file; safe for several threads.

    Args:
        path: Created if missing.

    Raises:
        OutputError: it cannot be used, or a newer version has written it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._connection.row_factory = sqlite3.Row
            for setting, value in _SETTINGS.items():
                self._connection.execute(f"PRAGMA {setting} = {value}")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            (sound,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError("it is damaged")
            if version < VERSION:
                changes = "".join(_CHANGES[version:])
                self._connection.executescript(f"BEGIN; {changes} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.Error as fault:
            raise OutputError(f"cannot be used: {fault}", source=path, remedy="another --state") from fault
        if version > VERSION:
            raise OutputError("was written by another version of Omentum", source=path, remedy="another --state")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in this block is written, or nothing; nobody else reads or writes meanwhile."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends some itself, for example on a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def forget(self) -> None:
        """Overwrite what was deleted, which may name patients: it would stay readable in the write-ahead log."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
