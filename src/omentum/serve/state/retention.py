"""Deletion on request, and of what is older than the retention time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from omentum.errors import lines_of
from omentum.serve.documents import DeletedDocument, JobState
from omentum.serve.faults import ServiceError
from omentum.serve.state.clock import ClockWatch
from omentum.serve.state.folders import StateFolder, bytes_in, files_in
from omentum.serve.state.jobs import JobStore
from omentum.serve.state.uploads import UploadStore
from omentum.temporary_names import remove

SWEEP_EVERY_S = 60.0


@dataclass(frozen=True)
class Cleaner:
    """Deletes jobs and uploads.

    Args:
        folder: State folder.
        jobs: The jobs.
        uploads: The uploads.
        clock: Corrects their times when the clock is set.
        keep_s: Seconds after which they are deleted.
        say: Takes lines for the log.
    """

    folder: StateFolder
    jobs: JobStore
    uploads: UploadStore
    clock: ClockWatch
    keep_s: float
    say: Callable[[str], None]

    def delete_job(self, job: str) -> DeletedDocument:
        """Delete a job with its results and corrections, and its input unless another job has the same.

        Raises:
            ServiceError: there is none, or it runs.
        """
        found = self.jobs.get(job)
        place = self.folder.job(job)
        names = [f"results/{name}" for name in files_in(self.folder.results(job, found.attempts))]
        names += [f"corrections/{name}" for name in files_in(self.folder.corrections(job))]
        names += ["ct.nii.gz"] if self.folder.ct(job).is_file() else []
        size = bytes_in(place)
        if not self.jobs.remove(job):
            raise ServiceError(409, "running", "the job runs", remedy="cancel it first")
        remove(place)
        if not self.jobs.of_upload(found.upload):
            try:
                upload = self.uploads.remove(found.upload)
            except ServiceError:  # deleted before
                return DeletedDocument(deleted=names, bytes=size)
            names += [f"input/{file.name}" for file in upload.files]
            size += upload.bytes
        return DeletedDocument(deleted=names, bytes=size)

    def delete_upload(self, upload: str) -> DeletedDocument:
        """Delete an upload.

        Raises:
            ServiceError: there is none, or a job needs it.
        """
        found = self.uploads.remove(upload)
        return DeletedDocument(deleted=[f"input/{file.name}" for file in found.files], bytes=found.bytes)

    def delete_image(self, upload: str) -> DeletedDocument:
        """Delete an upload with all its jobs.

        Raises:
            ServiceError: there is none, or one of its jobs runs.
        """
        jobs = self.jobs.of_upload(upload)
        if any(job.state is JobState.RUNNING for job in jobs):
            raise ServiceError(409, "running", "a job of this image runs", remedy="cancel it first")
        if not jobs:
            return self.delete_upload(upload)
        deleted = [self.delete_job(job.id) for job in jobs]
        names = [name for one in deleted for name in one.deleted]
        return DeletedDocument(deleted=names, bytes=sum(one.bytes for one in deleted))

    def sweep(self, now: float | None = None) -> int:
        """Delete what is older than the retention time; return how many jobs and uploads."""
        limit = (self.clock.correct() if now is None else now) - self.keep_s
        old = [job.id for job in self.jobs.ended_before(limit)]
        uploads = self.uploads.unused_before(limit)
        count = sum(map(self._try, [self.delete_job] * len(old), old))
        count += sum(map(self._try, [self.delete_upload] * len(uploads), uploads))
        if count:
            self.say(f"{count} expired jobs and uploads deleted")
        return count

    def sweep_until(self, stop: threading.Event) -> None:
        """Sweep from time to time until an event is set."""
        while not stop.wait(SWEEP_EVERY_S):
            try:
                self.sweep()
            except Exception as fault:  # a full disk, say: what has had its time must still be deleted later
                self.say(f"nothing deleted, tried again later: {' '.join(lines_of(fault).split())}")

    def _try(self, delete: Callable[[str], DeletedDocument], what: str) -> bool:
        try:
            delete(what)
        except ServiceError:  # somebody was faster, or needs it
            return False
        return True
