"""Batch segmentation in one call, as in `omentum segment` without a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omentum.errors import OmentumError
from omentum.measure.parquet import check_parquet
from omentum.pipeline.batch.inputs import plan_jobs
from omentum.pipeline.batch.jobs import CaseOutcome
from omentum.pipeline.batch.multi_device import BatchSettings, helpful_jobs
from omentum.pipeline.batch.numbering import find_numbering
from omentum.pipeline.batch.options import TEMPLATE, BatchOptions, CaseSelection, parse_devices
from omentum.pipeline.batch.report import BatchReport
from omentum.pipeline.batch.run import BatchRun, Compute
from omentum.pipeline.batch.submission import Submission
from omentum.pipeline.batch.tables import BatchTables
from omentum.pipeline.dicom_outputs import check_dicom_formats
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.outputs import check_labels_alone
from omentum.progress import ProgressListener, SilentProgress
from omentum.report.meshes import check_meshes

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Args:
        outcomes: Outcome of every case, in order: measures, lesions, quality, warnings, or the error.
        folder: Folder with the case folders and the tables of the batch; for a single case, its own folder or file.
        seconds: Wall-clock time.
        submitted: Number of label maps copied; None if this was not requested.
    """

    outcomes: tuple[CaseOutcome, ...]
    folder: Path
    seconds: float
    submitted: int | None = None

    @property
    def failed(self) -> tuple[CaseOutcome, ...]:
        """Cases without a result."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values, as in report.json; `BatchReport.from_json` reads them."""
        return BatchReport.of(self.outcomes).to_json()


def segment_batch(
    inputs: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    cases: CaseSelection | None = None,
    options: SegmentOptions | None = None,
    save: SaveOptions | None = None,
    batch: BatchOptions | None = None,
    progress: ProgressListener | None = None,
    unavailable: Mapping[Path, OmentumError] | None = None,
    compute: Compute | None = None,
) -> BatchResult:
    """Segment CTs and write a folder of results for each; complete results of an earlier run are reused.

    Args:
        inputs: CTs (NIfTI, NRRD, MetaImage, or DICOM series in folders or zip files), folders of CTs, or folders of
            case folders.
        out: Folder for the case folders and the tables; for a single CT also a `.nii.gz` for its label map alone.
        cases: Datasets, part of a split, case names; all of `inputs` by default.
        options: How each CT is segmented.
        save: Outputs written for each CT.
        batch: Weights, number of processes, further tables, label values.
        progress: Receives progress, warnings and flags; see `omentum.progress.ProgressListener`.
        unavailable: Inputs that could not be fetched -> why: cases that fail with this error.
        compute: Computes the cases elsewhere; see `omentum.remote`.

    Returns:
        The outcome of every case. With several CTs, the error of one is recorded and does not stop the others.

    Raises:
        OmentumError: no input, or unusable options, weights or outputs; with a single CT also its error.

    Example:
        >>> done = omentum.segment_batch("cts/", "out/", options=omentum.SegmentOptions(classes="liver, kidneys"))
        >>> [outcome.job.case for outcome in done.failed]
    """
    started = time.perf_counter()
    options, save, batch = options or SegmentOptions(), save or SaveOptions(), batch or BatchOptions()
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    target, progress = Path(out), progress or SilentProgress()
    _check(target, options, save, batch)
    jobs = plan_jobs([Path(path) for path in paths], target, cases or CaseSelection(), progress)
    if batch.numbering != TEMPLATE:
        save = replace(save, numbering=find_numbering(batch.numbering))
    copies = None if batch.submission is None else Submission(batch.submission, target, jobs, save.overwrite)
    if copies is not None:
        copies.check()
    settings = _settings(options, save, batch)
    tables = BatchTables(target, parquet=batch.parquet) if len(jobs) > 1 or batch.parquet else None
    devices = parse_devices(options.device)
    several = devices if len(devices) > 1 else None
    outcomes = BatchRun(settings, several, progress, tables, unavailable or {}, compute).run(jobs)
    if tables is not None:
        tables.write(outcomes)
    submitted = None if copies is None else copies.add(outcomes)
    return BatchResult(tuple(outcomes), target, time.perf_counter() - started, submitted)


def _check(target: Path, options: SegmentOptions, save: SaveOptions, batch: BatchOptions) -> None:
    """Raise before any input is read if the requested outputs cannot be written."""
    check_meshes(save.meshes)
    beside: dict[str, Any] = {"masks": save.masks, "statistics": save.statistics, "parquet": batch.parquet}
    beside |= {"meshes": save.meshes, "probabilities": options.probabilities}
    check_labels_alone(target, beside | dict.fromkeys(save.dicom_formats, True))
    check_dicom_formats(save, None, has_probabilities=options.probabilities is not None)
    if batch.parquet:
        check_parquet()


def _settings(options: SegmentOptions, save: SaveOptions, batch: BatchOptions) -> BatchSettings:
    first = parse_devices(options.device)[0]
    jobs = helpful_jobs(first) if batch.jobs is None else batch.jobs
    return BatchSettings(weights=batch.weights, options=replace(options, device=first), save=save, jobs=jobs)
