"""Tables of a batch on disk, updated while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from omentum.atomic import replacing, write_json, write_text
from omentum.measure import lesions_csv, measures_csv, measures_rows
from omentum.measure.parquet import parquet_bytes
from omentum.pipeline.batch.jobs import CaseOutcome
from omentum.pipeline.batch.report import BatchReport
from omentum.quality import quality_csv
from omentum.result_files import BATCH_MEASUREMENTS, BATCH_PARQUET, BATCH_QUALITY, BATCH_REPORT, LESIONS

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
        write_json(folder / BATCH_REPORT, BatchReport.of(outcomes).to_json())
        write_text(folder / BATCH_MEASUREMENTS, measures_csv({o.job.case: o.measures for o in done}))
        write_text(folder / LESIONS, lesions_csv({o.job.case: o.lesions for o in done}))
        write_text(folder / BATCH_QUALITY, quality_csv({o.job.case: o.quality for o in done if o.quality}))
        if self._parquet:
            with replacing(folder / BATCH_PARQUET) as file:
                file.write(parquet_bytes(measures_rows({o.job.case: o.measures for o in done})))
        self._written = time.monotonic()
