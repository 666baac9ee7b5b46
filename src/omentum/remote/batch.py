"""Computes the cases of a batch on a service: the next CT is sent while one is computed."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from omentum.atomic import replacing
from omentum.client.client import Client
from omentum.client.documents import JobOptions, OfferedWeights
from omentum.client.inputs import files_of
from omentum.errors import OmentumError, UsageError
from omentum.pipeline.batch.jobs import CaseOutcome, CaseSummary, Job
from omentum.pipeline.batch.options import BatchOptions
from omentum.pipeline.batch.pipelined import BatchListener
from omentum.pipeline.batch.resume import check_made_with, has_result, read_case_summary
from omentum.pipeline.manifest import sha256_of, sha256_of_files
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.outputs import is_single_file
from omentum.progress import SILENT, ProgressListener
from omentum.remote.options import check_options
from omentum.remote.sent import SendingStoppedError, SentCase, follow_case, named_after, send_case
from omentum.result_files import LABEL_MAP, MANIFEST, MEASUREMENTS
from omentum.words import chosen, guesses_in, notes_on, structures_in

AHEAD = 2
"""Cases on the service at a time: one is computed, the next one is there already."""
NEEDED = (LABEL_MAP, MANIFEST, MEASUREMENTS)
"""Results that are fetched for a label map alone."""
NOT_WANTED = {"preview": "preview.png", "report": "report.html"}


@dataclass(frozen=True)
class RemoteBatch:
    """Computes cases on a service; `run` is a `Compute` of `segment_batch`.

    Args:
        client: The service.
        options: As for `omentum segment`; most have to be the defaults.
        save: Likewise.
        batch: Likewise; the first weights of the service are used where none are named.
        keep: Leave inputs and results on the service.
        progress: Receives how words for structures were understood.

    Raises:
        UsageError: an option that only this machine knows; or the service lacks weights or structures.
        RemoteError: the service is not reached, refuses, or speaks another version of the interface.
    """

    client: Client
    options: SegmentOptions
    save: SaveOptions
    batch: BatchOptions
    keep: bool = False
    progress: ProgressListener = SILENT

    def __post_init__(self) -> None:
        """Check everything before a CT is sent."""
        check_options(self.options, self.save, self.batch)
        self._classes()
        understood = () if self.options.classes is None else structures_in(self.options.classes)
        for line in guesses_in(understood):
            self.progress.say("warning", line)
        for line in notes_on(understood):
            self.progress.note(line)
        known = self.client.capabilities.profiles
        if self.options.profile not in known:
            reason = f"has no profile {self.options.profile!r}"
            raise UsageError(reason, source=self.client.address, remedy=f"one of {', '.join(known)}")

    def run(self, jobs: Sequence[Job], listener: BatchListener) -> Generator[CaseOutcome, None, None]:
        """Yield the outcome of each job in order; what is left on the service when this ends early is deleted."""
        stop, waiting = threading.Event(), deque(jobs)
        on_the_way: deque[tuple[Job, Future[SentCase | None]]] = deque()
        pool = ThreadPoolExecutor(1)
        try:
            while waiting or on_the_way:
                while waiting and len(on_the_way) < AHEAD:
                    job = waiting.popleft()
                    on_the_way.append((job, pool.submit(self._send, job, stop)))
                yield self._outcome(*on_the_way[0], listener)
                on_the_way.popleft()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            for _, future in on_the_way:
                with suppress(Exception):
                    if not future.cancelled() and (sent := future.result()) is not None:
                        sent.discard(self.client)

    def _send(self, job: Job, stop: threading.Event) -> SentCase | None:
        """Send a CT; None if an earlier result is used instead."""
        if has_result(job.target) and not self.save.overwrite:
            check_made_with(job.target, self._identity(job.source))
            return None
        wanted = JobOptions(
            weights=self._weights().name,
            classes=self._classes(),
            profile=self.options.profile,
            series=self.options.series,
            formats=tuple(self.save.dicom_formats),
            meshes=self.save.meshes is not None,
        )
        return send_case(self.client, job, wanted, stop)

    def _outcome(self, job: Job, coming: Future[SentCase | None], listener: BatchListener) -> CaseOutcome:
        started = time.perf_counter()
        listener.begin(job.case)
        try:
            if not coming.done():
                listener.step(job.case, "sending")
            sent = coming.result()
            summary = read_case_summary(job.target) if sent is None else self._computed(sent, listener)
        except SendingStoppedError:
            raise
        except OmentumError as fault:
            return CaseOutcome(job, time.perf_counter() - started, named_after(fault, job.source))
        seconds = time.perf_counter() - started
        filled = (summary.warnings, summary.measures, summary.lesions, summary.quality)
        return CaseOutcome(job, seconds, None, sent is None, *filled)

    def _computed(self, sent: SentCase, listener: BatchListener) -> CaseSummary:
        job = sent.job
        try:
            follow_case(self.client, sent, lambda line: listener.step(job.case, line), listener.progress)
            listener.step(job.case, "receiving the results")
            return self._fetched(sent)
        finally:
            if not self.keep:
                sent.discard(self.client)

    def _fetched(self, sent: SentCase) -> CaseSummary:
        assert sent.remote is not None
        target = sent.job.target
        if not is_single_file(target):
            skipped = {name for option, name in NOT_WANTED.items() if not getattr(self.save, option)}
            overwrite = target.is_dir()  # allowed, as was checked before
            self.client.download(sent.remote, target, wanted=lambda name: name not in skipped, overwrite=overwrite)
            return read_case_summary(target)
        with TemporaryDirectory(prefix="omentum-") as place:
            folder = self.client.download(sent.remote, Path(place, "case"), wanted=lambda name: name in NEEDED)
            with replacing(target) as file, (folder / LABEL_MAP).open("rb") as found:
                shutil.copyfileobj(found, file)
            return read_case_summary(folder)

    def _weights(self) -> OfferedWeights:
        offered = self.client.capabilities.weights
        named = self.batch.weights if self.batch.weights != BatchOptions().weights else ()
        found = next((one for one in offered if not named or one.name == named[0]), None)
        if found is None:
            names = ", ".join(one.name for one in offered) or "none"
            reason = f"has no weights {named[0]!r}" if named else "has no weights"
            raise UsageError(reason, source=self.client.address, remedy=f"it has {names}")
        return found

    def _classes(self) -> tuple[str, ...] | None:
        if self.options.classes is None:
            return None
        understood = structures_in(self.options.classes)
        try:
            return chosen(understood, self._weights().structures)
        except UsageError as fault:
            fault.source = self.client.address
            raise

    def _identity(self, source: Path) -> dict[str, object]:
        """What makes the result, as far as this machine knows."""
        sha256 = sha256_of_files(file.path for file in files_of(source)) if source.is_dir() else sha256_of(source)
        weights = self._weights()
        return {
            "input": sha256,
            "weights": weights.sha256,
            "version of omentum": self.client.capabilities.version,
            "classes": self._classes() or list(weights.structures),
            "profile": self.options.profile,
            "series": self.options.series,
            "formats": self.save.dicom_formats,
        }
