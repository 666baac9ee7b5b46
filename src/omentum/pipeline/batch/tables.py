"""Tables of a batch on disk, updated while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omentum.atomic import replacing, write_json, write_text
from omentum.measure import lesions_csv, measures_csv, measures_rows
from omentum.measure.parquet import parquet_bytes
from omentum.pipeline.batch.jobs import CaseOutcome
from omentum.quality import quality_csv
from omentum.result_files import BATCH_MEASUREMENTS, BATCH_PARQUET, BATCH_QUALITY, BATCH_REPORT, LESIONS
from omentum.schemas import Schema, stamped

WRITE_EVERY_S = 10.0
"""Minimum time between two writes; each rewrites the tables completely."""


class BatchTables:
    """The tables of a batch: report.json, measurements.csv, lesions.csv, quality.csv, optionally measurements.parquet.

    Args:
        folder: Output folder.
        parquet: Whether to write measurements.parquet.
    """

    def __init__(self, folder: Path, *, parquet: bool = False) -> None:
        self._folder, self._parquet = folder, parquet
        self._written = time.monotonic()

    def update(self, outcomes: Sequence[CaseOutcome]) -> None:
        """Write the tables unless they were written less than `WRITE_EVERY_S` ago."""
        if time.monotonic() - self._written >= WRITE_EVERY_S:
            self.write(outcomes)

    def write(self, outcomes: Sequence[CaseOutcome]) -> None:
        """Write the tables of all finished cases."""
        folder, done = self._folder, [outcome for outcome in outcomes if outcome.ended and not outcome.error]
        write_json(folder / BATCH_REPORT, report(outcomes))
        write_text(folder / BATCH_MEASUREMENTS, measures_csv({o.job.case: o.measures for o in done}))
        write_text(folder / LESIONS, lesions_csv({o.job.case: o.lesions for o in done}))
        write_text(folder / BATCH_QUALITY, quality_csv({o.job.case: o.quality for o in done if o.quality}))
        if self._parquet:
            with replacing(folder / BATCH_PARQUET) as file:
                file.write(parquet_bytes(measures_rows({o.job.case: o.measures for o in done})))
        self._written = time.monotonic()


def report(outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    """Status, warnings and volumes of every case as JSON values."""
    cases = [_entry(outcome) for outcome in outcomes]
    return stamped(Schema.BATCH, {"omentum": version("omentum"), "cases": cases})


def _entry(outcome: CaseOutcome) -> dict[str, Any]:
    return {
        "case": outcome.job.case,
        "status": outcome.status.value,
        "output": str(outcome.job.target) if outcome.ended and not outcome.error else None,
        "error": outcome.error and outcome.job.anonymised(outcome.error),
        "warnings": list(dict.fromkeys(map(outcome.job.anonymised, outcome.warnings))),
        "quality": outcome.quality.summary() if outcome.quality else None,
        "seconds": outcome.seconds,
        "volume_ml": {m.key: round(m.volume_ml, 3) for m in outcome.found},
    }
