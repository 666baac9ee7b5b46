"""A batch as a production line: while one case is computed, the next is read and the last ones are written.

Bounded: one case waits to be computed, one is computed, and no more are being written than there are processes for it.
What comes out does not depend on their number.
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
from omentum.pipeline.finishing import PredictedCase
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SaveOptions
from omentum.pipeline.reading import LoadedCase, PreparedInput, prepare_case, read_and_prepare, read_case
from omentum.pipeline.segmenter import Segmenter


class BatchListener(Protocol):
    """Is told how it goes."""

    def begin(self, case: str) -> None:
        """A case is shown to the network."""

    def progress(self, done: int, of: int) -> None:
        """Windows of it done, and in all."""

    def step(self, case: str, what: str) -> None:
        """Something else is begun that may take a while."""


@dataclass(frozen=True)
class _AtWork:
    """A case between reading and writing.

    Args:
        outcome: So far.
        promise: Of the stage it is at.
        started: When it was begun, by `time.perf_counter`.
    """

    outcome: CaseOutcome
    future: TaskFuture
    started: float = field(default_factory=time.perf_counter)

    def hear(self, found: TaskResult) -> None:
        """Take down an error and warnings."""
        self.outcome.warnings = list(dict.fromkeys([*self.outcome.warnings, *found.warnings]))
        self.outcome.fault = self.outcome.fault or found.error

    def ended(self) -> CaseOutcome:
        """Wait for the last stage."""
        found = self.future.result()
        self.hear(found)
        if isinstance(found.value, CaseSummary):
            numbers = found.value
            self.hear(TaskResult(warnings=tuple(numbers.warnings)))
            self.outcome.measures, self.outcome.lesions = numbers.measures, numbers.lesions
            self.outcome.quality = numbers.quality
        self.outcome.seconds = round(time.perf_counter() - self.started, 2)
        return self.outcome


@dataclass(frozen=True)
class PipelinedBatch:
    """The line of one device.

    Args:
        segmenter: Computes.
        save: What is written.
        crew: Reads and writes; with `InlineExecutor`, one thing is done after another.
        listener: Told how it goes.
    """

    segmenter: Segmenter
    save: SaveOptions
    pool: WorkerPool | InlineExecutor
    listener: BatchListener

    def run(self, jobs: Iterable[Job]) -> Iterator[CaseOutcome]:
        """Every job; outcomes come in order, as soon as they are ready. One bad case does not stop the others.

        Raises:
            UsageError, CheckpointError: weights that cannot be used are no fault of the cases.
        """
        waiting = iter(jobs)
        overlaps, slots = self.pool.jobs > 0, max(1, self.pool.jobs)
        upcoming, writing = self._begin(waiting), deque[_AtWork]()
        while upcoming is not None:
            now, found = upcoming, upcoming.future.result()
            upcoming = self._begin(waiting) if overlaps else None
            shown = self._show(now, found)
            del found
            while len(writing) >= slots:
                yield writing.popleft().ended()
            writing.append(replace(now, future=self._finish(now, shown)))
            del shown
            while writing and (writing[0].future.done() or not overlaps):
                yield writing.popleft().ended()
            upcoming = upcoming or self._begin(waiting)
        yield from (case.ended() for case in writing)

    def _begin(self, waiting: Iterator[Job]) -> _AtWork | None:
        """Have the next case read, unless its result is there already."""
        job = next(waiting, None)
        if job is None:
            return None
        if not self.save.overwrite and has_result(job.target):
            found = CaseOutcome(job, resumed=True)
            self._load(found)
            return _AtWork(found, CompletedTask(run_task(self._earlier, job)))
        outcome, options = CaseOutcome(job), self.segmenter.options
        if self.pool.jobs:
            self._load(outcome)
            reading = self.pool.submit(read_and_prepare, job.source, options, job.named, self.segmenter.specs)
            return _AtWork(outcome, reading)
        return _AtWork(outcome, self.pool.submit(read_case, job.source, options, job.named))

    def _load(self, outcome: CaseOutcome) -> None:
        """The weights, for the first case that needs them."""
        with capture_warnings(outcome.warnings.append, propagate=False):
            self.segmenter.load()

    def _earlier(self, job: Job) -> CaseSummary:
        weights, options = self.segmenter.weights_description["sha256"], self.segmenter.described_options()
        outputs = self.save.outputs()
        lacks = check_resumable(job.target, identity(sha256_of(job.source), weights, options, outputs), outputs)
        numbers = read_case_summary(job.target)
        if lacks:
            case = read_case(job.source, self.segmenter.options, job.named)
            add_outputs(job.target, lacks, self.save, case, numbers, partial(self.listener.step, job.case))
        return numbers

    def _show(self, now: _AtWork, found: TaskResult) -> TaskResult:
        """Show a case that was read to the network; what is not one passes."""
        now.hear(found)
        if not isinstance(found.value, (LoadedCase, PreparedInput)):
            return found
        self._load(now.outcome)
        self.listener.begin(now.outcome.job.case)
        shown = run_task(self._look, found.value)
        now.hear(shown)
        return shown

    def _look(self, case: LoadedCase | PreparedInput) -> PredictedCase:
        ready = case if isinstance(case, PreparedInput) else prepare_case(case, self.segmenter.specs)
        return self.segmenter.look(ready, progress=self.listener.progress)

    def _finish(self, now: _AtWork, shown: TaskResult) -> TaskFuture:
        if not isinstance(shown.value, PredictedCase):
            return CompletedTask(shown)
        job, rules = now.outcome.job, self.segmenter.options.postprocess
        step = partial(self.listener.step, job.case)
        if not self.pool.jobs:
            return self.pool.submit(finish_and_save, shown.value, job, rules, self.save, step)
        step("writing")
        return self.pool.submit(finish_and_save, shown.value, job, rules, self.save)
