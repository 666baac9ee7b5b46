"""Pipelined batch: while one case is computed, the next is read and the previous ones are written.

Memory is bounded: one case waits, one is computed, and at most one per process is written. Results do not depend on the
number of processes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from omentum.errors import capture_warnings
from omentum.pipeline.batch.adding import add_outputs
from omentum.pipeline.batch.jobs import CaseOutcome, CaseSummary, Job, finish_and_save
from omentum.pipeline.batch.resume import check_resumable, has_result, identity, read_case_summary
from omentum.pipeline.batch.workers import CompletedTask, InlineExecutor, TaskFuture, TaskResult, WorkerPool, run_task
from omentum.pipeline.dicom_outputs import check_dicom_formats
from omentum.pipeline.finishing import PredictedCase
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SaveOptions
from omentum.pipeline.reading import LoadedCase, PreparedInput, prepare_case, read_and_prepare, read_case
from omentum.pipeline.room import check_room, expected_bytes
from omentum.pipeline.segmenter import Segmenter
from omentum.volume import Volume


class BatchListener(Protocol):
    """Receives the progress of a pipelined batch."""

    def begin(self, case: str) -> None:
        """Called when inference of a case starts."""

    def progress(self, done: int, of: int) -> None:
        """Called with the number of windows done and in total."""

    def step(self, case: str, what: str) -> None:
        """Called when another stage of a case starts, such as writing."""


@dataclass(frozen=True)
class _RunningCase:
    """A case in the pipeline.

    Args:
        outcome: Outcome so far.
        future: Future of its current stage.
        started: Start time, from `time.perf_counter`.
    """

    outcome: CaseOutcome
    future: TaskFuture
    started: float = field(default_factory=time.perf_counter)

    def note(self, found: TaskResult) -> None:
        """Record the error and warnings of a stage."""
        self.outcome.warnings = list(dict.fromkeys([*self.outcome.warnings, *found.warnings]))
        self.outcome.fault = self.outcome.fault or found.error

    def outcome_when_done(self) -> CaseOutcome:
        """Wait for the last stage and return the complete outcome."""
        found = self.future.result()
        self.note(found)
        if isinstance(found.value, CaseSummary):
            summary = found.value
            self.note(TaskResult(warnings=tuple(summary.warnings)))
            self.outcome.measures, self.outcome.lesions = summary.measures, summary.lesions
            self.outcome.quality = summary.quality
        self.outcome.seconds = round(time.perf_counter() - self.started, 2)
        return self.outcome


@dataclass(frozen=True)
class PipelinedBatch:
    """The pipeline of one device.

    Args:
        segmenter: Runs the network.
        save: Outputs to write.
        pool: Processes for reading and writing; with `InlineExecutor` everything runs sequentially.
        listener: Receives the progress.
    """

    segmenter: Segmenter
    save: SaveOptions
    pool: WorkerPool | InlineExecutor
    listener: BatchListener

    def run(self, jobs: Iterable[Job]) -> Iterator[CaseOutcome]:
        """Run every job and yield outcomes in order; a failed case does not stop the others.

        Raises:
            UsageError, CheckpointError: the weights cannot be used.
        """
        waiting = iter(jobs)
        overlaps, slots = self.pool.jobs > 0, max(1, self.pool.jobs)
        following, writing = self._begin(waiting), deque[_RunningCase]()
        while following is not None:
            current = following
            if not current.future.done():
                self.listener.step(current.outcome.job.case, "reading")
            found = current.future.result()
            following = self._begin(waiting) if overlaps else None
            predicted = self._predict_case(current, found)
            del found
            while len(writing) >= slots:
                yield writing.popleft().outcome_when_done()
            writing.append(replace(current, future=self._finish(current, predicted)))
            del predicted
            while writing and (writing[0].future.done() or not overlaps):
                yield writing.popleft().outcome_when_done()
            following = following or self._begin(waiting)
        yield from (case.outcome_when_done() for case in writing)

    def _begin(self, waiting: Iterator[Job]) -> _RunningCase | None:
        """Start reading the next case, unless it already has a result."""
        job = next(waiting, None)
        if job is None:
            return None
        if not self.save.overwrite and has_result(job.target):
            found = CaseOutcome(job, resumed=True)
            self._load(found)
            return _RunningCase(found, CompletedTask(run_task(self._resume, job)))
        outcome, options = CaseOutcome(job), self.segmenter.options
        if self.pool.jobs:
            self._load(outcome)
            reading = self.pool.submit(read_and_prepare, job.source, options, job.name, self.segmenter.specs)
            return _RunningCase(outcome, reading)
        return _RunningCase(outcome, self.pool.submit(read_case, job.source, options, job.name))

    def _load(self, outcome: CaseOutcome) -> None:
        """Load the weights for the first case that needs them."""
        with capture_warnings(outcome.warnings.append, propagate=False):
            self.segmenter.load()

    def _resume(self, job: Job) -> CaseSummary:
        weights, options = self.segmenter.weights_description["sha256"], self.segmenter.described_options()
        outputs = self.save.outputs()
        missing = check_resumable(job.target, identity(sha256_of(job.source), weights, options, outputs), outputs)
        summary = read_case_summary(job.target)
        if missing:
            step = partial(self.listener.step, job.case)
            step("reading")
            case = read_case(job.source, self.segmenter.options, job.name)
            add_outputs(job.target, missing, self.save, case, summary, step)
        return summary

    def _predict_case(self, current: _RunningCase, found: TaskResult) -> TaskResult:
        """Run the network on a case; results of a failed stage are passed through."""
        current.note(found)
        if not isinstance(found.value, (LoadedCase, PreparedInput)):
            return found
        self._load(current.outcome)
        self.listener.begin(current.outcome.job.case)
        predicted = run_task(self._predict, found.value, current.outcome.job)
        current.note(predicted)
        return predicted

    def _predict(self, case: LoadedCase | PreparedInput, job: Job) -> PredictedCase:
        ct = (case.case if isinstance(case, PreparedInput) else case).ct
        check_before_network(job, ct, self.segmenter, self.save)
        ready = case if isinstance(case, PreparedInput) else prepare_case(case, self.segmenter.specs)
        return self.segmenter.predict(ready, progress=self.listener.progress)

    def _finish(self, current: _RunningCase, predicted: TaskResult) -> TaskFuture:
        if not isinstance(predicted.value, PredictedCase):
            return CompletedTask(predicted)
        job, rules = current.outcome.job, self.segmenter.options.postprocess
        step = partial(self.listener.step, job.case)
        if not self.pool.jobs:
            return self.pool.submit(finish_and_save, predicted.value, job, rules, self.save, step)
        step("writing")
        return self.pool.submit(finish_and_save, predicted.value, job, rules, self.save)


def check_before_network(job: Job, ct: Volume, segmenter: Segmenter, save: SaveOptions) -> None:
    """Refuse what could not be written in the end, before the network runs.

    Raises:
        UsageError: a format that does not suit the CT.
        OutputError: too little room on the disk.
    """
    options = segmenter.options
    has_probabilities = options.probabilities is not None
    check_dicom_formats(save, ct.header, has_probabilities=has_probabilities, source=job.source)
    check_room(job.target, expected_bytes(options, save, ct.voxels.size, len(segmenter.classes)))
