"""Execution of a batch: checks cases first, reports progress, keeps the tables up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from omentum.anatomy.numbering import lacking_words
from omentum.errors import EndedError, OmentumError, capture_warnings
from omentum.formatting import time_left
from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.batch.multi_device import BatchSettings, run_on_devices
from omentum.pipeline.batch.pipelined import BatchListener, PipelinedBatch
from omentum.pipeline.batch.resume import has_result
from omentum.pipeline.batch.tables import BatchTables
from omentum.pipeline.batch.workers import InlineExecutor, WorkerPool
from omentum.pipeline.dicom_outputs import check_overlaps
from omentum.pipeline.outputs import check_case_output
from omentum.pipeline.segmenter import Segmenter
from omentum.progress import ProgressListener
from omentum.quality.flags import FlagCode, Severity
from omentum.temporary_names import remove_unfinished
from omentum.words import notes_on

Compute = Callable[[Sequence[Job], BatchListener], Generator[CaseOutcome, None, None]]
"""Runs jobs and yields the outcome of each; an error of one is an outcome, what it raises ends the batch."""


@dataclass(frozen=True)
class BatchRun:
    """Runs the jobs of a batch.

    Args:
        settings: Weights, options, and number of processes for reading and writing.
        devices: Devices, one process each; None for the device of the options.
        progress: Receives progress, warnings and flags.
        tables: Tables to keep up to date; None for a single case.
        unavailable: Sources that could not be fetched -> why.
        compute: Computes the cases instead of this machine.
    """

    settings: BatchSettings
    devices: Sequence[str] | None
    progress: ProgressListener
    tables: BatchTables | None = None
    unavailable: Mapping[Path, OmentumError] = field(default_factory=dict)
    compute: Compute | None = None

    def run(self, jobs: Sequence[Job]) -> list[CaseOutcome]:
        """Run every job, in order. The error of a single job is raised; errors of several are recorded."""
        for folder in {job.target.parent for job in jobs}:
            remove_unfinished(folder)
        sources = [job.source for job in jobs]
        refused = {job.case: self._refusal(job, sources) for job in jobs}
        outcomes = {job.case: CaseOutcome(job, fault=refused[job.case]) for job in jobs}
        alone = len(jobs) == 1
        for outcome in outcomes.values():
            self._report(outcome, alone)
        wanted = [job for job in jobs if refused[job.case] is None]
        listener = _BatchProgress(self.progress, [job.case for job in jobs])
        try:
            with closing(self._run(wanted, listener)) as running:
                for outcome in running:
                    outcomes[outcome.job.case] = outcome
                    listener.ended(outcome)
                    self._report(outcome, alone)
                    if self.tables is not None:
                        self.tables.update(list(outcomes.values()))
        except (KeyboardInterrupt, EndedError):
            self._report_interruption(list(outcomes.values()))
            raise
        return list(outcomes.values())

    def _report_interruption(self, outcomes: Sequence[CaseOutcome]) -> None:
        """Report which results an interrupted batch keeps, including cases that ended unreported."""
        kept = [o for o in outcomes if (o.ended and not o.error) or self._is_complete(o.job)]
        if self.tables is None:
            (only,) = outcomes
            self.progress.say(
                "warning", f"interrupted; nothing of {only.job.case} is kept" if not kept else "interrupted at the end"
            )
            return
        self.tables.write(outcomes)
        where = outcomes[0].job.target.parent
        self.progress.say(
            "warning",
            f"interrupted; {len(kept)} of {len(outcomes)} cases are complete, with their tables: {where}; "
            "the same command does the rest",
        )

    def _is_complete(self, job: Job) -> bool:
        return has_result(job.target) and not self.settings.save.overwrite

    def _refusal(self, job: Job, sources: Sequence[Path]) -> OmentumError | None:
        """Error that prevents a job from starting; None if there is none."""
        if (fault := self.unavailable.get(job.source)) is not None:
            return fault
        with_earlier = self.settings.save.overwrite or has_result(job.target)
        try:
            check_case_output(job.target, inputs=sources, overwrite=with_earlier)
        except OmentumError as fault:
            return fault
        return None

    def _run(self, jobs: Sequence[Job], listener: _BatchProgress) -> Generator[CaseOutcome, None, None]:
        if not jobs:
            return
        if self.compute is not None:
            yield from self.compute(jobs, listener)
            return
        if self.devices is not None:
            with capture_warnings(lambda message: self.progress.say("warning", message), propagate=False):
                self._tell(Segmenter(self.settings.weights, replace(self.settings.options, device="cpu")))
            yield from run_on_devices(jobs, self.devices, self.settings, listener)
            return
        with capture_warnings(lambda message: self.progress.say("warning", message), propagate=False):
            segmenter = Segmenter(self.settings.weights, self.settings.options)
            self._tell(segmenter)
        with WorkerPool(self.settings.jobs) if self.settings.jobs and len(jobs) > 1 else InlineExecutor() as pool:
            yield from PipelinedBatch(segmenter, self.settings.save, pool, listener).run(jobs)

    def _tell(self, segmenter: Segmenter) -> None:
        """Say once, before any case is computed, how the classes were understood and which label values are lacking.

        Raises:
            UsageError: no voxel can get any of the label values, or a DICOM label map cannot hold the classes.
        """
        check_overlaps(self.settings.save, segmenter.classes)
        for line in notes_on(segmenter.understood):  # of guesses the segmenter warns
            self.progress.note(line)
        if self.settings.save.numbering is not None:
            for message in lacking_words(self.settings.save.numbering, segmenter.classes):
                self.progress.say("warning", message)

    def _report(self, outcome: CaseOutcome, alone: bool) -> None:
        for message in outcome.warnings:
            self.progress.say("warning", message)
        if outcome.fault is not None and alone:
            raise outcome.fault
        if outcome.error is not None:
            self.progress.say("error", outcome.error)
        for flag in outcome.quality.flags if outcome.quality else ():
            if flag.severity is not Severity.INFO and flag.code is not FlagCode.INPUT:
                about = f"{outcome.job.case}: {flag.structure}" if flag.structure else outcome.job.case
                self.progress.flag(f"{about}: {flag.text}")


class _BatchProgress:
    """Forwards the progress of the cases and estimates the remaining time."""

    def __init__(self, progress: ProgressListener, cases: Iterable[str]) -> None:
        self._progress, self._numbers = progress, {case: n for n, case in enumerate(cases, start=1)}
        self._start, self._left, self._computed = time.monotonic(), len(self._numbers), 0

    def begin(self, case: str) -> None:
        self._progress.begin(case, self._numbers[case], len(self._numbers), self._time_left())

    def progress(self, done: int, of: int) -> None:
        self._progress.progress(done, of)

    def step(self, case: str, what: str) -> None:
        self._progress.step(f"{case}: {what}")

    def ended(self, outcome: CaseOutcome) -> None:
        """Count a finished case; reused results do not enter the estimate."""
        self._left -= 1
        self._computed += not (outcome.resumed or outcome.error)

    def _time_left(self) -> str:
        if not self._computed:
            return ""
        return f"{time_left((time.monotonic() - self._start) / self._computed * self._left)} for all"
