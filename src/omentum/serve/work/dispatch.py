"""Which job runs on which device: a thread for each device takes the next one and waits for its process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from omentum.errors import lines_of
from omentum.serve.documents import ErrorDocument, JobState, ProgressDocument
from omentum.serve.events import ProgressBoard
from omentum.serve.faults import ServiceError
from omentum.serve.state.jobs import JobStore, StoredJob
from omentum.serve.work.child import TaskCancelledError, TaskFault

INTERNAL = ErrorDocument(error="internal", reason="internal fault", remedy="report it; the log has the place")
WAIT_S = 1.0
"""Longest time before a thread looks again; usually it is woken."""
AGAIN_S = 5.0
"""Before another attempt at what the disk or the database refused."""


class JobRunner(Protocol):
    """Computes jobs, one at a time."""

    def run(self, job: StoredJob, report: Callable[[ProgressDocument], None]) -> None:
        """Compute a job and write its results.

        Raises:
            TaskFault: it failed.
            TaskCancelledError: it was cancelled.
        """

    def cancel(self) -> None:
        """Cancel the job that runs, within seconds; called by another thread."""

    def close(self) -> None:
        """Release the device."""


class Dispatcher:
    """The threads.

    Args:
        jobs: The queue.
        board: Receives the progress.
        runners: One for each device.
        measure: Notes the bytes in the folder of a job.
        ended: Called with each job that has ended.
        say: Takes lines for the log.
    """

    def __init__(
        self,
        jobs: JobStore,
        board: ProgressBoard,
        runners: Sequence[JobRunner],
        measure: Callable[[str], int],
        ended: Callable[[StoredJob], None],
        say: Callable[[str], None],
    ) -> None:
        self._jobs, self._board, self._runners = jobs, board, runners
        self._measure, self._ended, self._say = measure, ended, say
        self._news, self._stopping = threading.Condition(), threading.Event()
        self._running: dict[str, JobRunner] = {}
        self._cancelled: set[str] = set()
        self._threads = [threading.Thread(target=self._work, args=(runner,), daemon=True) for runner in runners]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Wake a thread: there is a new job."""
        with self._news:
            self._news.notify()

    def stop(self) -> None:
        """End; a running job goes back to its place in the queue."""
        self._stopping.set()
        with self._news:
            self._news.notify_all()
            runners = list(self._running.values())
        for runner in runners:
            runner.cancel()
        for runner in self._runners:
            runner.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def cancel(self, job: StoredJob) -> None:
        """Cancel a job; one that has ended stays as it is."""
        with self._news:  # no thread takes it meanwhile
            runner = self._running.get(job.id)
            if runner is not None:
                self._cancelled.add(job.id)
            self._jobs.cancel(job.id)
        if runner is not None:
            runner.cancel()
        else:
            self._board.update(job.id, None)

    def _work(self, runner: JobRunner) -> None:
        while not self._stopping.is_set():
            try:
                self._work_once(runner)
            except Exception as fault:  # of the disk, say; without this thread all jobs would wait forever
                self._say(f"cannot go on with the queue, tried again: {' '.join(lines_of(fault).split())}")
                self._stopping.wait(AGAIN_S)

    def _work_once(self, runner: JobRunner) -> None:
        with self._news:
            job = self._jobs.take()
            if job is None:
                self._news.wait(WAIT_S)
                return
            self._running[job.id] = runner
        self._board.update(job.id, ProgressDocument(stage="starting"))
        try:
            self._run(runner, job)
        finally:
            with self._news:
                del self._running[job.id]
                self._cancelled.discard(job.id)
            self._board.update(job.id, None)

    def _run(self, runner: JobRunner, job: StoredJob) -> None:
        state, error = JobState.DONE, None
        try:
            runner.run(job, partial(self._report, runner, job.id))
        except TaskCancelledError:
            if job.id not in self._cancelled:  # the service ends
                self._jobs.put_back(job.id)
                self._say(f"job {job.id}: is back in the queue, because the service ends")
                return
            state = JobState.CANCELLED
        except TaskFault as fault:
            state, error = JobState.FAILED, fault.document
            self._say(f"job {job.id}: failed: {error.error} {' '.join(fault.place.split())}")
        except Exception as fault:  # of ours; the thread goes on with the next job
            state, error = JobState.FAILED, INTERNAL
            self._say(f"job {job.id}: internal fault: {' '.join(lines_of(fault).split())}")
        if self._is_noted(job.id, state, error):
            with suppress(ServiceError):  # deleted since
                self._ended(self._jobs.get(job.id))

    def _is_noted(self, job: str, state: JobState, error: ErrorDocument | None) -> bool:
        """Note the end of a job, again and again while the disk is full; False if the service ends before."""
        while True:
            try:
                self._measure(job)
                self._jobs.end(job, state, error)
            except (OSError, sqlite3.Error) as fault:
                self._say(f"job {job}: its end cannot be noted, tried again: {' '.join(lines_of(fault).split())}")
                if self._stopping.wait(AGAIN_S):
                    return False
            else:
                return True

    def _report(self, runner: JobRunner, job: str, progress: ProgressDocument) -> None:
        if job in self._cancelled:  # before its process had begun
            runner.cancel()
        self._board.update(job, progress)
