"""Cases one after another: checked before anything is computed, each on its own, and told about at the end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from omentum.cli.speaker import Speaker
from omentum.errors import CaseWarning, OmentumError
from omentum.io.outputs import replacing
from omentum.pipeline import Segmenter, check_case_output, write_json, write_text
from omentum.report import (
    Lesion,
    Quality,
    StructureMeasure,
    lesions_csv,
    measures_csv,
    measures_rows,
    quality_csv,
)
from omentum.report.ct_flags import HEARD
from omentum.report.parquet import parquet_bytes


@dataclass(frozen=True)
class Job:
    """A file to segment, its name, and where the result goes."""

    case: str
    source: Path
    target: Path


@dataclass(frozen=True)
class SaveOptions:
    """See `CaseSegmentation.save`."""

    masks: bool = False
    preview: bool = True
    statistics: bool = False
    report: bool = True
    meshes: str | None = None
    overwrite: bool = False


@dataclass
class Outcome:
    """What became of a job.

    Args:
        error: Why it failed, None if it did not.
        measures: Of every structure that was looked for.
        lesions: All of them.
        quality: Flags and scores; None if it failed.
    """

    job: Job
    seconds: float = 0.0
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    measures: list[StructureMeasure] = field(default_factory=list)
    lesions: list[Lesion] = field(default_factory=list)
    quality: Quality | None = None

    @property
    def found(self) -> list[StructureMeasure]:
        """Measures of the structures that were found."""
        return [m for m in self.measures if m.found]


@dataclass
class Batch:
    """Runs jobs with one segmenter."""

    segmenter: Segmenter
    save: SaveOptions
    speaker: Speaker

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Every job, in order. The fault of a single job is raised; of several, a faulty one is only recorded."""
        outcomes = [Outcome(job) for job in jobs]
        alone = len(jobs) == 1
        for outcome in outcomes:
            with _Fault(outcome, self.speaker, alone):
                check_case_output(outcome.job.target, inputs=[outcome.job.source], overwrite=self.save.overwrite)
        if not alone and not all(outcome.error for outcome in outcomes):
            _ = self.segmenter.classes  # weights that cannot be used are no fault of the cases
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.error is None:
                self.speaker.begin(outcome.job.case, number, len(jobs))
                with _Fault(outcome, self.speaker, alone):
                    self._run(outcome)
        return outcomes

    def _run(self, outcome: Outcome) -> None:
        started = time.perf_counter()
        job = outcome.job
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaseWarning)
            try:
                case = self.segmenter.segment(job.source, progress=self.speaker.progress)
                case.save(job.target, **asdict(self.save))
                outcome.measures, outcome.lesions = case.measures(), case.lesions()
                outcome.quality = case.quality()
            finally:
                heard = [str(w.message) for w in caught if issubclass(w.category, CaseWarning)]
                outcome.warnings = list(dict.fromkeys(heard))
                outcome.seconds = round(time.perf_counter() - started, 2)
                for message in outcome.warnings:
                    self.speaker.say("warning", message)
        for flag in outcome.quality.flags if outcome.quality else ():
            if flag.severity != "info" and flag.code != HEARD:
                about = f"{job.case}: {flag.structure}" if flag.structure else job.case
                self.speaker.flag(f"{about}: {flag.text}")


class _Fault:
    """Turns the fault of one case among several into a line and a record."""

    def __init__(self, outcome: Outcome, speaker: Speaker, alone: bool) -> None:
        self._outcome, self._speaker, self._alone = outcome, speaker, alone

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> bool:
        if self._alone or not isinstance(fault, Exception):
            return False
        known = isinstance(fault, OmentumError)
        inside = f"{self._outcome.job.source}: internal fault: {type(fault).__name__}: {fault}"
        self._outcome.error = str(fault) if known else inside
        self._speaker.say("error", self._outcome.error)
        return True


def write_batch(outcomes: Sequence[Outcome], folder: Path, *, parquet: bool = False) -> None:
    """What several cases came to: report.json, measurements.csv (.parquet if wanted), lesions.csv, quality.csv."""
    done = [outcome for outcome in outcomes if not outcome.error]
    write_json(folder / "report.json", report(outcomes))
    write_text(folder / "measurements.csv", measures_csv({o.job.case: o.measures for o in done}))
    write_text(folder / "lesions.csv", lesions_csv({o.job.case: o.lesions for o in done}))
    write_text(folder / "quality.csv", quality_csv({o.job.case: o.quality for o in done if o.quality}))
    if parquet:
        with replacing(folder / "measurements.parquet") as file:
            file.write(parquet_bytes(measures_rows({o.job.case: o.measures for o in done})))


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What happened, in JSON values."""
    return {"omentum": version("omentum"), "cases": [_entry(outcome) for outcome in outcomes]}


def _entry(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.job.case,
        "status": "failed" if outcome.error else "done",
        "output": None if outcome.error else str(outcome.job.target),
        "error": outcome.error,
        "warnings": outcome.warnings,
        "quality": outcome.quality.summary() if outcome.quality else None,
        "seconds": outcome.seconds,
        "volume_ml": {m.key: round(m.volume_ml, 3) for m in outcome.found},
    }


def print_summary(outcomes: Sequence[Outcome]) -> None:
    """A table on stdout: the structures of one case, or the cases of several."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_structure_table(outcomes[0]) if len(outcomes) == 1 else _case_table(outcomes))
    done = [outcome for outcome in outcomes if not outcome.error]
    seconds = sum(outcome.seconds for outcome in outcomes)
    if len(outcomes) == 1:
        (only,) = outcomes
        console.print(
            f"{len(only.found)} of {len(only.measures)} structures in {seconds:.1f} s: {only.job.target.resolve()}"
        )
    else:
        folder = outcomes[0].job.target.parent.resolve()
        console.print(f"{len(done)} of {len(outcomes)} cases in {seconds:.1f} s: {folder}")


def _structure_table(outcome: Outcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("structure")
    table.add_column("volume", justify="right")
    table.add_column("")
    for m in outcome.found:
        table.add_row(m.display, f"{m.volume_ml:.1f} ml", "only partly in the image" if m.touches_border else "")
    return table


def _case_table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("case", "result", "structures", "time"):
        table.add_column(title, justify="right" if title in ("structures", "time") else "left")
    for o in outcomes:
        found = "" if o.error else f"{len(o.found)} of {len(o.measures)}"
        table.add_row(repr(o.job.case)[1:-1], "failed" if o.error else "done", found, f"{o.seconds:.1f} s")
    return table
