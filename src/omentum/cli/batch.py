"""Cases of one command: checked before anything is computed, run, told about as they go and at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from omentum.cli.numbering_option import lacking_words
from omentum.cli.speaker import Speaker
from omentum.errors import OmentumError
from omentum.io.outputs import replacing
from omentum.pipeline import (
    Crew,
    Here,
    Job,
    Line,
    LineOptions,
    Outcome,
    Segmenter,
    check_case_output,
    is_earlier,
    on_devices,
    write_json,
    write_text,
)
from omentum.report import lesions_csv, measures_csv, measures_rows, quality_csv
from omentum.report.ct_flags import HEARD
from omentum.report.parquet import parquet_bytes


@dataclass(frozen=True)
class Batch:
    """Runs jobs.

    Args:
        how: Weights, options, and how many processes read and write.
        devices: None for the one of the options; else one process for each.
        speaker: Told how it goes.
    """

    how: LineOptions
    devices: Sequence[str] | None
    speaker: Speaker

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Every job, in order. The fault of a single job is raised; of several, a faulty one is only recorded."""
        outcomes = {job.case: Outcome(job, fault=self._refusal(job)) for job in jobs}
        alone = len(jobs) == 1
        for outcome in outcomes.values():
            self._tell(outcome, alone)
        wanted = [outcome.job for outcome in outcomes.values() if outcome.fault is None]
        for outcome in self._run(wanted, _Listener(self.speaker, [job.case for job in jobs])):
            outcomes[outcome.job.case] = outcome
            self._tell(outcome, alone)
        return list(outcomes.values())

    def _refusal(self, job: Job) -> OmentumError | None:
        """Why a job cannot even be begun."""
        with_earlier = self.how.save.overwrite or is_earlier(job.target)
        try:
            check_case_output(job.target, inputs=[job.source], overwrite=with_earlier)
        except OmentumError as fault:
            return fault
        return None

    def _run(self, jobs: Sequence[Job], listener: _Listener) -> Iterator[Outcome]:
        if not jobs:
            return
        if self.devices is not None:
            self._tell_of_numbering(Segmenter(self.how.weights, replace(self.how.options, device="cpu")))
            yield from on_devices(jobs, self.devices, self.how, listener)
            return
        segmenter = Segmenter(self.how.weights, self.how.options)
        self._tell_of_numbering(segmenter)
        with Crew(self.how.jobs) if self.how.jobs and len(jobs) > 1 else Here() as crew:
            yield from Line(segmenter, self.how.save, crew, listener).run(jobs)

    def _tell_of_numbering(self, segmenter: Segmenter) -> None:
        """Which of a dataset's numbers no voxel gets, once for all cases and before any is computed.

        Raises:
            UsageError: that would be all of them.
        """
        if self.how.save.numbering is not None:
            for message in lacking_words(self.how.save.numbering, segmenter.classes):
                self.speaker.say("warning", message)

    def _tell(self, outcome: Outcome, alone: bool) -> None:
        for message in outcome.warnings:
            self.speaker.say("warning", message)
        if outcome.fault is not None and alone:
            raise outcome.fault
        if outcome.error is not None:
            self.speaker.say("error", outcome.error)
        for flag in outcome.quality.flags if outcome.quality else ():
            if flag.severity != "info" and flag.code != HEARD:
                about = f"{outcome.job.case}: {flag.structure}" if flag.structure else outcome.job.case
                self.speaker.flag(f"{about}: {flag.text}")


class _Listener:
    """Passes on to the speaker how the cases go."""

    def __init__(self, speaker: Speaker, cases: Iterable[str]) -> None:
        self._speaker, self._numbers = speaker, {case: n for n, case in enumerate(cases, start=1)}

    def begin(self, case: str) -> None:
        self._speaker.begin(case, self._numbers[case], len(self._numbers))

    def progress(self, done: int, of: int) -> None:
        self._speaker.progress(done, of)

    def step(self, case: str, what: str) -> None:
        self._speaker.step(f"{case}: {what}")


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
        "status": _status(outcome),
        "output": None if outcome.error else str(outcome.job.target),
        "error": outcome.error,
        "warnings": outcome.warnings,
        "quality": outcome.quality.summary() if outcome.quality else None,
        "seconds": outcome.seconds,
        "volume_ml": {m.key: round(m.volume_ml, 3) for m in outcome.found},
    }


def _status(outcome: Outcome) -> str:
    return "failed" if outcome.error else "done earlier" if outcome.finished_earlier else "done"


def print_summary(outcomes: Sequence[Outcome], seconds: float) -> None:
    """A table on stdout: the structures of one case, or the cases of several; and how long all of it took."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_structure_table(outcomes[0]) if len(outcomes) == 1 else _case_table(outcomes))
    done = [outcome for outcome in outcomes if not outcome.error]
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
        table.add_row(repr(o.job.case)[1:-1], _status(o), found, f"{o.seconds:.1f} s")
    return table
