"""What several cases came to: tables on disk, kept up to date while the batch runs, and one on stdout at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from omentum.io.outputs import replacing
from omentum.pipeline import Outcome, write_json, write_text
from omentum.report import lesions_csv, measures_csv, measures_rows, quality_csv
from omentum.report.label_map import hidden_line
from omentum.report.parquet import parquet_bytes
from omentum.report.standing import NEVER_FOUND, NO_RECORD, TRUST_NOTES
from omentum.result_files import BATCH_MEASUREMENTS, BATCH_PARQUET, BATCH_QUALITY, BATCH_REPORT, LABEL_MAP, LESIONS
from omentum.spec import Trust

WRITE_EVERY_S = 10.0
"""Tables are written at most so often while cases come in: each time they are written as a whole."""


class Tables:
    """report.json, measurements.csv (.parquet if wanted), lesions.csv and quality.csv of a batch.

    Args:
        folder: Where they lie.
        parquet: Whether measurements.parquet is one of them.
    """

    def __init__(self, folder: Path, *, parquet: bool = False) -> None:
        self._folder, self._parquet = folder, parquet
        self._written = time.monotonic()

    def update(self, outcomes: Sequence[Outcome]) -> None:
        """Write them, unless they were written a moment ago."""
        if time.monotonic() - self._written >= WRITE_EVERY_S:
            self.write(outcomes)

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write what there is of the cases so far."""
        folder, done = self._folder, [outcome for outcome in outcomes if outcome.ended and not outcome.error]
        write_json(folder / BATCH_REPORT, report(outcomes))
        write_text(folder / BATCH_MEASUREMENTS, measures_csv({o.job.case: o.measures for o in done}))
        write_text(folder / LESIONS, lesions_csv({o.job.case: o.lesions for o in done}))
        write_text(folder / BATCH_QUALITY, quality_csv({o.job.case: o.quality for o in done if o.quality}))
        if self._parquet:
            with replacing(folder / BATCH_PARQUET) as file:
                file.write(parquet_bytes(measures_rows({o.job.case: o.measures for o in done})))
        self._written = time.monotonic()


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What happened, in JSON values."""
    return {"omentum": version("omentum"), "cases": [_entry(outcome) for outcome in outcomes]}


def _entry(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.job.case,
        "status": _status(outcome),
        "output": str(outcome.job.target) if outcome.ended and not outcome.error else None,
        "error": outcome.error and outcome.job.told(outcome.error),
        "warnings": list(dict.fromkeys(map(outcome.job.told, outcome.warnings))),
        "quality": outcome.quality.summary() if outcome.quality else None,
        "seconds": outcome.seconds,
        "volume_ml": {m.key: round(m.volume_ml, 3) for m in outcome.found},
    }


def _status(outcome: Outcome) -> str:
    if not outcome.ended:
        return "not done"
    return "failed" if outcome.error else "done earlier" if outcome.finished_earlier else "done"


def print_summary(outcomes: Sequence[Outcome], seconds: float) -> None:
    """A table on stdout: the structures of one case, or the cases of several; and how long all of it took."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_structure_table(outcomes[0]) if len(outcomes) == 1 else _case_table(outcomes))
    hidden = hidden_line(outcomes[0].measures, LABEL_MAP) if len(outcomes) == 1 else None
    for line in [*_trust_lines(outcomes), *([hidden] if hidden else [])]:
        console.print(line)
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
        notes = ["only partly in the image"] if m.touches_border else []
        notes += [TRUST_NOTES[m.trust]] if m.trust in TRUST_NOTES else []
        table.add_row(m.display, f"{m.volume_ml:.1f} ml", ", ".join(notes))
    return table


def _trust_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """What has to be known of the weights: what they do not find, and what is a candidate; once for all cases."""
    measures = [m for outcome in outcomes for m in outcome.measures]
    if measures and all(m.trust is Trust.UNKNOWN for m in measures):
        return [NO_RECORD]
    found = {m.key for m in measures if m.found}
    blind = dict.fromkeys(m.display for m in measures if m.trust is Trust.NOT_FOUND and m.key not in found)
    candidates = [lesion for outcome in outcomes for lesion in outcome.lesions if lesion.is_candidate]
    lines = [f"{NEVER_FOUND}: {', '.join(blind)}."] if blind else []
    if candidates:
        types = Counter(lesion.display for lesion in candidates)
        counts = ", ".join(f"{name} {n}" for name, n in types.items())
        lines.append(f"Candidates, to be looked at and in no sum: {counts}.")
    return lines


def _case_table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("case", "result", "structures", "time"):
        table.add_column(title, justify="right" if title in ("structures", "time") else "left")
    for o in outcomes:
        found = "" if o.error else f"{len(o.found)} of {len(o.measures)}"
        table.add_row(repr(o.job.case)[1:-1], _status(o), found, f"{o.seconds:.1f} s")
    return table
