"""The queue of jobs, which survives a restart: none is lost, none runs twice to its end."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from omentum.serve.documents import ErrorDocument, JobState
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.ids import new_id
from omentum.serve.state.database import Database

MOST_ATTEMPTS = 2
"""A job that the service died with is begun again once."""
INTERRUPTED = ErrorDocument(
    error="interrupted",
    reason=f"the service ended {MOST_ATTEMPTS} times while it ran",
    remedy="it may need more memory than there is; try --profile fast or a smaller CT",
)
_FINAL = tuple(state.value for state in JobState if state.is_final)


@dataclass(frozen=True)
class StoredJob:
    """A row of the table of jobs; times in seconds since 1970.

    Args:
        number: Place in the queue.
        options: What was asked for, without the input.
        attempts: How often it was begun.
        result_bytes: Bytes of everything in its folder.
        cancel_requested: Whether it was to be cancelled while it ran.
    """

    number: int
    id: str
    upload: str
    state: JobState
    options: dict[str, Any]
    files: int
    bytes: int
    created: float
    started: float | None
    ended: float | None
    attempts: int
    error: ErrorDocument | None
    result_bytes: int
    cancel_requested: bool


@dataclass(frozen=True)
class Recovered:
    """What became of the jobs that were running when the service was killed."""

    queued: tuple[StoredJob, ...]
    failed: tuple[StoredJob, ...]
    cancelled: tuple[StoredJob, ...]


class JobStore:
    """The jobs; safe for several threads.

    Args:
        database: See `Database`.
        queue: Most jobs that wait.
    """

    def __init__(self, database: Database, queue: int) -> None:
        self._database, self._queue = database, queue

    def add(self, upload: str, options: dict[str, Any]) -> StoredJob:
        """Queue a job.

        Raises:
            ServiceError: no such upload, it is empty, or the queue is full.
        """
        job = new_id()
        with self._database.transaction() as rows:
            if rows.execute("SELECT 1 FROM upload WHERE id = ?", [upload]).fetchone() is None:
                raise not_found("upload")
            (files, size) = rows.execute(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM file WHERE upload = ?", [upload]
            ).fetchone()
            if not files:
                raise ServiceError(409, "empty", "the upload has no files yet", remedy="PUT the files first")
            (waiting,) = rows.execute("SELECT count(*) FROM job WHERE state = ?", [JobState.QUEUED]).fetchone()
            if waiting >= self._queue:
                raise ServiceError(
                    *(429, "queue_full", f"{waiting} jobs are waiting, the limit is {self._queue}"),
                    remedy="try again later",
                    headers={"Retry-After": "30"},
                )
            rows.execute(
                "INSERT INTO job (id, upload, state, options, files, bytes, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [job, upload, JobState.QUEUED, json.dumps(options), files, size, time.time()],
            )
        return self.get(job)

    def get(self, job: str) -> StoredJob:
        """A job.

        Raises:
            ServiceError: there is none.
        """
        with self._database.transaction() as rows:
            row = rows.execute("SELECT * FROM job WHERE id = ?", [job]).fetchone()
        if row is None:
            raise not_found("job")
        return _stored(row)

    def all(self) -> list[StoredJob]:
        """All jobs, the newest first."""
        return self.newest(-1)

    def newest(self, limit: int, before: int | None = None) -> list[StoredJob]:
        """The newest jobs, the newest first.

        Args:
            limit: How many at most; -1 for all.
            before: Only jobs with a smaller number.
        """
        query = "SELECT * FROM job WHERE number < coalesce(?, number + 1) ORDER BY number DESC LIMIT ?"
        with self._database.transaction() as rows:
            return [_stored(row) for row in rows.execute(query, [before, limit])]

    def of_upload(self, upload: str) -> list[StoredJob]:
        """The jobs of an upload."""
        with self._database.transaction() as rows:
            return [_stored(row) for row in rows.execute("SELECT * FROM job WHERE upload = ?", [upload])]

    def position(self, job: StoredJob) -> int | None:
        """Place of a queued job in the queue, from 1; None for others."""
        if job.state is not JobState.QUEUED:
            return None
        with self._database.transaction() as rows:
            (ahead,) = rows.execute(
                "SELECT count(*) FROM job WHERE state = ? AND number <= ?", [JobState.QUEUED, job.number]
            ).fetchone()
        return int(ahead)

    def counts(self) -> dict[JobState, int]:
        """How many jobs there are in each state."""
        with self._database.transaction() as rows:
            found = dict(rows.execute("SELECT state, count(*) FROM job GROUP BY state").fetchall())
        return {state: found.get(state.value, 0) for state in JobState}

    def take(self) -> StoredJob | None:
        """The next job, which now runs; None if none is waiting."""
        with self._database.transaction() as rows:
            row = rows.execute(
                "UPDATE job SET state = ?, started = ?, attempts = attempts + 1 WHERE number ="
                " (SELECT min(number) FROM job WHERE state = ?) RETURNING *",
                [JobState.RUNNING, time.time(), JobState.QUEUED],
            ).fetchone()
        return None if row is None else _stored(row)

    def end(self, job: str, state: JobState, error: ErrorDocument | None = None) -> bool:
        """Give a running job its final state; False if it was not running."""
        error_json = None if error is None else error.model_dump_json()
        with self._database.transaction() as rows:
            done = rows.execute(
                "UPDATE job SET state = ?, ended = ?, error = ? WHERE id = ? AND state = ?",
                [state, time.time(), error_json, job, JobState.RUNNING],
            )
        return done.rowcount == 1

    def put_back(self, job: str) -> None:
        """Return a running job to its place in the queue, as if it had not begun: the service is shut down in order."""
        with self._database.transaction() as rows:
            rows.execute(
                "UPDATE job SET state = ?, started = NULL, attempts = attempts - 1 WHERE id = ? AND state = ?",
                [JobState.QUEUED, job, JobState.RUNNING],
            )

    def cancel(self, job: str) -> bool:
        """Cancel a job if it is waiting; of a running one note that it is to be cancelled, and return False."""
        with self._database.transaction() as rows:
            done = rows.execute(
                "UPDATE job SET state = ?, ended = ? WHERE id = ? AND state = ?",
                [JobState.CANCELLED, time.time(), job, JobState.QUEUED],
            )
            rows.execute("UPDATE job SET cancel_requested = 1 WHERE id = ? AND state = ?", [job, JobState.RUNNING])
        return done.rowcount == 1

    def recover(self) -> Recovered:
        """After a crash: jobs that were running wait again, or have failed if that happened before.

        Those that were to be cancelled are cancelled.
        """
        with self._database.transaction() as rows:
            cancelled = rows.execute(
                "UPDATE job SET state = ?, ended = ? WHERE state = ? AND cancel_requested RETURNING *",
                [JobState.CANCELLED, time.time(), JobState.RUNNING],
            ).fetchall()
            failed = rows.execute(
                "UPDATE job SET state = ?, ended = ?, error = ? WHERE state = ? AND attempts >= ? RETURNING *",
                [JobState.FAILED, time.time(), INTERRUPTED.model_dump_json(), JobState.RUNNING, MOST_ATTEMPTS],
            ).fetchall()
            again = rows.execute(
                "UPDATE job SET state = ?, started = NULL WHERE state = ? RETURNING *",
                [JobState.QUEUED, JobState.RUNNING],
            ).fetchall()
        return Recovered(*(tuple(map(_stored, found)) for found in (again, failed, cancelled)))

    def set_bytes(self, job: str, size: int) -> None:
        """Note the bytes in the folder of a job."""
        with self._database.transaction() as rows:
            rows.execute("UPDATE job SET result_bytes = ? WHERE id = ?", [size, job])

    def remove(self, job: str) -> bool:
        """Forget a job that has ended or waits; False if it runs."""
        with self._database.transaction() as rows:
            done = rows.execute("DELETE FROM job WHERE id = ? AND state != ?", [job, JobState.RUNNING])
        return done.rowcount == 1

    def ended_before(self, moment: float) -> list[StoredJob]:
        """Jobs that ended before a moment."""
        marks = ", ".join("?" * len(_FINAL))
        with self._database.transaction() as rows:
            found = rows.execute(f"SELECT * FROM job WHERE state IN ({marks}) AND ended < ?", [*_FINAL, moment])
            return [_stored(row) for row in found]


def iso(moment: float | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _stored(row: sqlite3.Row) -> StoredJob:
    error = None if row["error"] is None else ErrorDocument.model_validate_json(row["error"])
    changed = {
        "state": JobState(row["state"]),
        "options": json.loads(row["options"]),
        "error": error,
        "cancel_requested": bool(row["cancel_requested"]),
    }
    return StoredJob(**{**dict(row), **changed})
