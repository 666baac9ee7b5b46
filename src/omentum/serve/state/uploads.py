"""Uploads: their files, how much they may be, and how many are received at a time."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omentum.serve.documents import FileDocument
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.ids import new_id
from omentum.serve.options import ServeOptions
from omentum.serve.state.database import Database
from omentum.serve.state.folders import StateFolder, check_file_name
from omentum.temporary_names import remove, unfinished

MOST_UPLOADS = 2000
"""Uploads at a time, empty ones included."""
DISK_RESERVE = 500_000_000
"""Bytes of the disk that uploads leave free, for results and everybody else."""
LOOK_EVERY = 16_000_000
"""Bytes between two looks at the free disk space."""


@dataclass(frozen=True)
class StoredUpload:
    """An upload.

    Args:
        created: Seconds since 1970.
    """

    id: str
    created: float
    files: tuple[FileDocument, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all its files."""
        return sum(file.bytes for file in self.files)


class Incoming:
    """Bytes that are being received; counted against all limits before they are written."""

    def __init__(self, store: UploadStore, left: int) -> None:
        self._store, self._left, self.bytes = store, left, 0

    def grow(self, more: int) -> None:
        """Count further bytes.

        Raises:
            ServiceError: too large, or no room.
        """
        if self.bytes + more > self._left:
            raise _too_large(self._store.limits)
        self._store.reserve(more)
        self.bytes += more


class UploadStore:
    """The uploads; safe for several threads.

    Args:
        database: See `Database`.
        folder: Where the files lie.
        limits: Bytes, files and quota.
    """

    def __init__(self, database: Database, folder: StateFolder, limits: ServeOptions) -> None:
        self._database, self._folder, self.limits = database, folder, limits
        self._lock, self._incoming, self._open, self._looked = threading.Lock(), 0, 0, 0

    def create(self) -> str:
        """A new, empty upload.

        Raises:
            ServiceError: there are too many.
        """
        upload = new_id()
        with self._database.transaction() as rows:
            (count,) = rows.execute("SELECT count(*) FROM upload").fetchone()
            if count >= MOST_UPLOADS:
                reason = f"there are {count} uploads, the limit is {MOST_UPLOADS}"
                raise ServiceError(429, "too_many", reason, remedy="delete some", headers={"Retry-After": "60"})
            self._folder.upload(upload).mkdir(mode=0o700)
            rows.execute("INSERT INTO upload (id, created) VALUES (?, ?)", [upload, time.time()])
        return upload

    def get(self, upload: str) -> StoredUpload:
        """An upload.

        Raises:
            ServiceError: there is none.
        """
        with self._database.transaction() as rows:
            row = rows.execute("SELECT * FROM upload WHERE id = ?", [upload]).fetchone()
            if row is None:
                raise not_found("upload")
            found = rows.execute("SELECT name, bytes, sha256 FROM file WHERE upload = ? ORDER BY name", [upload])
            return StoredUpload(row["id"], row["created"], tuple(FileDocument(**dict(file)) for file in found))

    @contextmanager
    def receiving(self, upload: str, name: str, expected: int | None) -> Iterator[tuple[Path, Incoming]]:
        """Receive a file in this block.

        Args:
            upload: Its upload.
            name: Name of the file.
            expected: Bytes that the sender announced; None if it did not.

        Yields:
            Where to write it for `add`, and a counter for its bytes.

        Raises:
            ServiceError: impossible name, unknown upload, or it is used by a job, or a limit is reached.
        """
        check_file_name(name)
        found = self.get(upload)
        with self._database.transaction() as rows:
            _check_unused(rows, upload)
        others = [file for file in found.files if file.name != name]
        self._check_limits(len(others) + 1, 0)
        with self.slot() as slot:
            incoming = slot.counting(self.limits.upload_bytes - sum(file.bytes for file in others))
            if expected is not None:
                incoming.grow(expected)  # refuses before anything is received
                self.release(expected)
                incoming.bytes = 0
            place = unfinished(self._folder.upload(upload) / name)
            try:
                yield place, incoming
            finally:
                remove(place)

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """One of the bodies that may be received at a time.

        Raises:
            ServiceError: there are too many.
        """
        with self._lock:
            if self._open >= self.limits.open_uploads:
                raise ServiceError(
                    *(503, "busy", f"{self._open} files are being received, the limit is {self.limits.open_uploads}"),
                    remedy="try again in a moment",
                    headers={"Retry-After": "5"},
                )
            self._open += 1
        slot = Slot(self)
        try:
            yield slot
        finally:
            with self._lock:
                self._open -= 1
            slot.release()

    def add(self, upload: str, file: FileDocument, received: Path) -> None:
        """Take a file that `receiving` wrote into its upload, in one step, so that no job sees it change.

        An earlier one of its name is replaced.

        Raises:
            ServiceError: the upload is gone, a job uses it by now, or others have filled it meanwhile.
        """
        with self._database.transaction() as rows:
            _check_unused(rows, upload)
            if rows.execute("SELECT 1 FROM upload WHERE id = ?", [upload]).fetchone() is None:
                raise not_found("upload")
            rows.execute(
                "INSERT OR REPLACE INTO file (upload, name, bytes, sha256) VALUES (?, ?, ?, ?)",
                [upload, file.name, file.bytes, file.sha256],
            )
            (files, size) = rows.execute("SELECT count(*), sum(bytes) FROM file WHERE upload = ?", [upload]).fetchone()
            self._check_limits(files, size)
            received.replace(self._folder.upload(upload) / file.name)

    def remove(self, upload: str) -> StoredUpload:
        """Delete an upload that no job will read any more.

        Raises:
            ServiceError: there is none, or a job waits for it or reads it.
        """
        found = self.get(upload)
        with self._database.transaction() as rows:
            busy = "SELECT 1 FROM job WHERE upload = ? AND state IN ('queued', 'running')"
            if rows.execute(busy, [upload]).fetchone() is not None:
                reason = "a job that has not ended needs it"
                raise ServiceError(409, "in_use", reason, remedy="cancel the job first")
            rows.execute("DELETE FROM upload WHERE id = ?", [upload])
        remove(self._folder.upload(upload))
        self._database.forget()
        return found

    def all_ids(self) -> set[str]:
        """Identifiers of all uploads."""
        with self._database.transaction() as rows:
            return {row["id"] for row in rows.execute("SELECT id FROM upload")}

    def unused_before(self, moment: float) -> list[str]:
        """Uploads from before a moment that no job refers to."""
        query = "SELECT id FROM upload WHERE created < ? AND id NOT IN (SELECT upload FROM job)"
        with self._database.transaction() as rows:
            return [row["id"] for row in rows.execute(query, [moment])]

    def used_bytes(self) -> int:
        """Bytes of all uploads and results, those that are being received included."""
        with self._database.transaction() as rows:
            (files,) = rows.execute("SELECT coalesce(sum(bytes), 0) FROM file").fetchone()
            (results,) = rows.execute("SELECT coalesce(sum(result_bytes), 0) FROM job").fetchone()
        return int(files + results + self._incoming)

    def open_bodies(self) -> int:
        """Bodies that are being received."""
        return self._open

    def reserve(self, more: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            ServiceError: there is no room for them.
        """
        with self._lock:
            self._incoming += more
            self._looked += more
            looks = self._looked >= LOOK_EVERY or more >= LOOK_EVERY
            self._looked = 0 if looks else self._looked
        free = shutil.disk_usage(self._folder.root).free if looks else None
        is_full = free is not None and free - more < DISK_RESERVE
        try:
            if is_full:
                raise _no_room("the disk is full")
            self.check_quota()
        except ServiceError:
            self.release(more)
            raise

    def check_quota(self) -> None:
        """Refuse what would come on top of too much.

        Raises:
            ServiceError: uploads and results take more than they may.
        """
        if self.used_bytes() > self.limits.quota_bytes:
            raise _no_room("the quota for uploads and results is used up")

    def release(self, less: int) -> None:
        """Count bytes no more: they are in the database now, or gone."""
        with self._lock:
            self._incoming -= less

    def _check_limits(self, files: int, size: int) -> None:
        if files > self.limits.files:
            reason = f"an upload has at most {self.limits.files} files"
            raise ServiceError(413, "too_many_files", reason, remedy="send a zip file")
        if size > self.limits.upload_bytes:
            raise _too_large(self.limits)


class Slot:
    """The right to receive a body, and what was counted for it."""

    def __init__(self, store: UploadStore) -> None:
        self._store, self._counted = store, list[Incoming]()

    def counting(self, most: int) -> Incoming:
        """A counter for a body of at most some bytes."""
        self._counted.append(Incoming(self._store, most))
        return self._counted[-1]

    def release(self) -> None:
        """Count its bytes no more."""
        for incoming in self._counted:
            self._store.release(incoming.bytes)
        self._counted.clear()


def _no_room(reason: str) -> ServiceError:
    return ServiceError(507, "no_room", reason, remedy="delete jobs that are no longer needed")


def _too_large(limits: ServeOptions) -> ServiceError:
    reason = f"an upload has at most {limits.upload_bytes} bytes"
    return ServiceError(
        413, "too_large", reason, remedy="leave out what is not needed; the limit is set by --upload-gb"
    )


def _check_unused(rows: sqlite3.Connection, upload: str) -> None:
    if rows.execute("SELECT 1 FROM job WHERE upload = ?", [upload]).fetchone() is not None:
        reason = "a job uses this upload, so its files can no longer be changed"
        raise ServiceError(409, "in_use", reason, remedy="make a new upload")
