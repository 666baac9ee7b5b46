"""The database of a service: failing for a while, damaged, or of an earlier version."""

import sqlite3
import threading
from contextlib import closing

import pytest
from serving import followed, serving, submitted

from omentum.errors import OutputError
from omentum.serve.state.database import Database
from omentum.serve.state.folders import DATABASE
from omentum.serve.state.image_names import ImageNames
from omentum.serve.state.jobs import JobStore


def test_a_database_that_fails_for_a_while_stops_neither_the_queue_nor_the_deletion(tmp_path, monkeypatch):
    monkeypatch.setattr("omentum.serve.work.dispatch.AGAIN_S", 0.01)
    with serving(tmp_path / "state") as client:
        swept, end = threading.Event(), client.service.jobs.end
        faults = [sqlite3.OperationalError("database or disk is full")] * 2

        def full_for_a_while(*values):
            if faults:
                raise faults.pop()
            return end(*values)

        monkeypatch.setattr(client.service.jobs, "end", full_for_a_while)
        assert followed(client, submitted(client))["state"] == "done"
        assert not faults

        def broken_once(*_):
            if not swept.is_set():
                swept.set()
                raise sqlite3.OperationalError("disk I/O error")
            stop.set()

        stop = threading.Event()
        monkeypatch.setattr("omentum.serve.state.retention.SWEEP_EVERY_S", 0.01)
        monkeypatch.setattr(type(client.service.cleaner), "sweep", broken_once)
        client.service.cleaner.sweep_until(stop)
        assert any("nothing deleted" in line for line in client.said)


def test_a_commit_that_fails_leaves_the_database_usable(tmp_path):
    database = Database(tmp_path / DATABASE)
    insert = "INSERT INTO file (upload, name, bytes, sha256) VALUES ('none', 'a', 1, '')"

    def refused_at_the_end():
        with database.transaction() as rows:
            rows.execute("PRAGMA defer_foreign_keys = ON")
            rows.execute(insert)

    with pytest.raises(sqlite3.IntegrityError):
        refused_at_the_end()
    with database.transaction() as rows:
        assert rows.execute("SELECT count(*) FROM file").fetchone()[0] == 0
    database.close()


def test_a_damaged_database_is_told_at_the_start(tmp_path):
    place = tmp_path / DATABASE
    Database(place).close()
    content = bytearray(place.read_bytes())
    content[4096:16384] = b"\xff" * 12288
    place.write_bytes(content)
    with pytest.raises(OutputError, match=r"cannot be used: .*(damaged|malformed)"):
        Database(place)


def test_a_database_of_the_first_version_gets_what_is_new_since(tmp_path):
    place = tmp_path / DATABASE
    Database(place).close()
    with closing(sqlite3.connect(place)) as older:
        older.executescript(
            "DROP TABLE image_name; DROP TABLE image_info; ALTER TABLE job DROP COLUMN cancel_requested;"
            "PRAGMA user_version = 1;"
            "INSERT INTO upload VALUES ('u', 1.0);"
        )
    database = Database(place)
    names = ImageNames(database)
    names.add("u", "user", "CT")
    assert (names.find("user", "CT"), names.find("other", "CT")) == (["u"], [])
    assert JobStore(database, 1).all() == []
    database.close()
