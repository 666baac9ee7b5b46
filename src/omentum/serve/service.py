"""The service without its interface: state folder, queue, processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from omentum.anatomy.structure_rows import include_carried
from omentum.errors import CheckpointError, UsageError
from omentum.home import writable_home
from omentum.pipeline.batch.options import parse_devices
from omentum.pipeline.options import PROFILES, OutputFormat
from omentum.serve.documents import (
    Capabilities,
    InputDocument,
    JobDocument,
    JobRequest,
    JobState,
    LimitsDocument,
    WeightsDocument,
)
from omentum.serve.events import ProgressBoard
from omentum.serve.faults import ServiceError, fault_document
from omentum.serve.metrics import Metrics
from omentum.serve.options import ServeOptions
from omentum.serve.state.clock import ClockWatch
from omentum.serve.state.database import Database
from omentum.serve.state.folders import DATABASE, StateFolder, bytes_in, files_in
from omentum.serve.state.image_info import ImageInfo
from omentum.serve.state.image_names import ImageNames
from omentum.serve.state.jobs import JobStore, StoredJob, iso
from omentum.serve.state.retention import Cleaner
from omentum.serve.state.uploads import UploadStore
from omentum.serve.work.child import TaskFault
from omentum.serve.work.dispatch import Dispatcher, JobRunner
from omentum.serve.work.reader import ReaderProcess
from omentum.serve.work.runners import DeviceRunner
from omentum.temporary_names import remove
from omentum.words import chosen, explain_words

Say = Callable[[str], None]


class Reader(Protocol):
    """Runs functions of `omentum.serve.work.tasks`; see `ReaderProcess`."""

    def run(self, task: str, *arguments: Any) -> Any:
        """Run a function by its name and return its value."""

    def close(self) -> None:
        """End the process."""


class Service:
    """Everything that the routes need.

    Args:
        options: See `ServeOptions`.
        say: Takes lines for the log, which name no patient and no file.
        runners: Compute jobs; by default a process for each device.
        reader: Reads files of users; a process by default.

    Raises:
        OutputError: the state folder cannot be used.
    """

    def __init__(
        self,
        options: ServeOptions,
        say: Say = lambda _: None,
        *,
        runners: Sequence[JobRunner] | None = None,
        reader: Reader | None = None,
    ) -> None:
        self.options, self.say = options, say
        self.weights = {Path(name).name.removesuffix(".safetensors"): name for name in options.weights}
        if len(self.weights) < len(options.weights):
            raise UsageError("two weights have the same name", source="--weights")
        self.folder = StateFolder(options.state or writable_home() / "service")
        self._lock = self.folder.open()
        self._database = Database(self.folder.root / DATABASE)
        self.jobs = JobStore(self._database, options.queue)
        self.uploads = UploadStore(self._database, self.folder, options)
        self.image_names = ImageNames(self._database)
        self.image_info = ImageInfo(self._database)
        self.board = ProgressBoard()
        clock = ClockWatch(self._database, say)
        self.cleaner = Cleaner(self.folder, self.jobs, self.uploads, clock, options.keep_s, say)
        self.reader = reader or ReaderProcess(self.folder)
        self._runners = runners or [
            DeviceRunner(self.folder, name, self.weights) for name in parse_devices(options.device)
        ]
        gauges = {
            "open_bodies": ("Files that are being received", self.uploads.open_bodies),
            "used_bytes": ("Bytes of uploads and results", self.uploads.used_bytes),
        }
        self.metrics = Metrics(gauges, self.jobs.counts)
        self.dispatcher = Dispatcher(self.jobs, self.board, self._runners, self.measure, self._job_ended, say)
        self._stop = threading.Event()
        self._sweeping = threading.Thread(target=self.cleaner.sweep_until, args=(self._stop,), daemon=True)
        self.offered: list[WeightsDocument] = []

    def start(self, offered: Sequence[WeightsDocument] | None = None) -> None:
        """Load the weights, recover the jobs of an earlier service, start the queue.

        Args:
            offered: What the weights are; by default the first runner loads and describes them.

        Raises:
            CheckpointError: weights or device cannot be used.
        """
        self.offered = self._described() if offered is None else list(offered)
        recovered = self.jobs.recover()
        for job in (*recovered.queued, *recovered.cancelled):
            remove(self.folder.results(job.id, job.attempts))
        for job in recovered.queued:
            self.say(f"job {job.id}: was interrupted, is queued again")
        for job in recovered.failed:
            self.say(f"job {job.id}: was interrupted twice, failed")
        for job in recovered.cancelled:
            self.say(f"job {job.id}: was interrupted while it was being cancelled, is cancelled")
        known = self.jobs.all()
        self.folder.remove_strangers(self.uploads.all_ids(), {job.id for job in known})
        self.cleaner.sweep()
        self.dispatcher.start()
        self._sweeping.start()

    def close(self) -> None:
        """End; a running job goes back to its place in the queue."""
        self._stop.set()
        self.dispatcher.stop()
        self.reader.close()
        if self._sweeping.ident is not None:
            self._sweeping.join()
        self.say(f"ended; jobs that wait for the next start: {self.jobs.counts()[JobState.QUEUED]}")
        self._database.close()
        self._lock.release()

    def capabilities(self) -> Capabilities:
        """What the service can do."""
        limits = LimitsDocument(
            upload_bytes=self.options.upload_bytes,
            files=self.options.files,
            queue=self.options.queue,
            retention_hours=self.options.keep_hours,
        )
        return Capabilities(
            version=version("omentum"),
            weights=self.offered,
            formats=[str(one) for one in OutputFormat],
            profiles=list(PROFILES),
            limits=limits,
        )

    def submit(self, request: JobRequest) -> JobDocument:
        """Queue a job.

        Raises:
            ServiceError: an unknown name, words that the weights do not know, no such upload, or the queue is full.
        """
        weights = request.weights or next(iter(self.weights))
        _check_known("weights", weights, self.weights)
        profile = request.profile or "exact"
        _check_known("profile", profile, PROFILES)
        for name in request.formats or ():
            _check_known("format", name, tuple(OutputFormat))
        if request.classes is not None:
            self._check_classes(request.classes, weights)
        options = request.model_dump(exclude={"upload"}) | {"weights": weights, "profile": profile}
        self.uploads.check_quota()
        job = self.jobs.add(request.upload, options)
        self.dispatcher.wake()
        return self.describe(job)

    def describe(self, job: StoredJob) -> JobDocument:
        """A job as the interface answers it."""
        return JobDocument(
            id=job.id,
            number=job.number,
            state=job.state,
            position=self.jobs.position(job),
            progress=self.board.progress(job.id) if job.state is JobState.RUNNING else None,
            created=iso(job.created) or "",
            started=iso(job.started),
            ended=iso(job.ended),
            error=job.error,
            input=InputDocument(files=job.files, bytes=job.bytes),
            options=job.options,
            results=list(self.results(job)),
            expires=None if job.ended is None else iso(job.ended + self.options.keep_s),
        )

    def results(self, job: StoredJob) -> dict[str, Path]:
        """Result files by name; none before the job is done."""
        return files_in(self.folder.results(job.id, job.attempts)) if job.state is JobState.DONE else {}

    def measure(self, job: str) -> int:
        """Count the bytes in the folder of a job, and note them."""
        size = bytes_in(self.folder.job(job))
        self.jobs.set_bytes(job, size)
        return size

    def _check_classes(self, words: Sequence[str], weights: str) -> None:
        """Refuse words that would fail the job; those that are in no vocabulary may need a language model."""
        known = [one.key for offered in self.offered if offered.name == weights for one in offered.structures]
        understood = explain_words(words, nearest=False)
        if not all(understood):
            self.reader.run("check_classes", tuple(words), known)
            return
        try:
            chosen(understood, known)
        except UsageError as fault:
            raise ServiceError.of(422, fault_document(fault, self.folder.root)) from fault

    def _job_ended(self, job: StoredJob) -> None:
        self.metrics.ended(job)
        passed = (job.ended or 0.0) - (job.started or 0.0)
        self.say(f"job {job.id}: {job.state.value} after {passed:.1f} s")

    def _described(self) -> list[WeightsDocument]:
        first = self._runners[0]
        assert isinstance(first, DeviceRunner)
        try:
            return [_offered(**about) for about in first.describe()]
        except TaskFault as fault:
            about = fault.document
            raise CheckpointError(about.reason, source=about.file, remedy=about.remedy) from fault


def _offered(carried: dict[str, Any], **about: Any) -> WeightsDocument:
    """Describe weights; words for their own structures are understood from now on."""
    include_carried(carried)
    return WeightsDocument(**about)


def _check_known(what: str, name: str, known: Sequence[str] | dict[str, str]) -> None:
    if name not in tuple(known):
        reason = f"no {what} {name!r} here"
        raise ServiceError(422, "unknown", reason, remedy=f"one of {', '.join(known)}")
