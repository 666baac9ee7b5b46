"""Audit labels with a model, in one call; implements `omentum data audit`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from omentum.annotate.audit.cases import AuditCase, find_labelled
from omentum.annotate.audit.compare_case import CompareTask, compare_task
from omentum.annotate.audit.comparison import LabelComparison
from omentum.annotate.audit.faults import ComparedCase, Usual, faults_of
from omentum.annotate.audit.options import AuditOptions
from omentum.annotate.audit.results import AuditResult
from omentum.annotate.propose.options import SAVED
from omentum.annotate.round_folder import IMAGES, PREDICTIONS
from omentum.atomic import write_json, write_text
from omentum.errors import OutputError
from omentum.output_checks import check_output
from omentum.pipeline.batch.api import segment_batch
from omentum.pipeline.batch.options import BatchOptions, CaseSelection
from omentum.process_pool import map_in_processes
from omentum.progress import ProgressListener, SilentProgress

AUDIT = "audit"
FEWEST = 5
"""Cases needed for the usual Dice of a structure."""
_DIED = "its process died (out of memory, or a crash in foreign code)"


def audit_labels(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    options: AuditOptions | None = None,
    *,
    progress: ProgressListener | None = None,
) -> AuditResult:
    """Find labels that a model doubts, surest first, and write audit.csv and audit.json.

    Predictions are kept in `out`, so an interrupted audit is completed by calling again. `check_data` finds what needs
    no model: files, geometry, label values, duplicates.

    Args:
        source: A store, or a folder of case folders; None with datasets in the options.
        out: Folder for predictions and findings.
        options: See `AuditOptions`.
        progress: Receives progress, warnings and errors.

    Raises:
        OmentumError: there are no labelled cases, or the weights, options or output are unusable.

    Example:
        >>> found = omentum.audit_labels("store/", "audit/")
        >>> [(fault.case, fault.structure, fault.kind) for fault in found.faults[:5]]
    """
    out, options, progress = Path(out), options or AuditOptions(), progress or SilentProgress()
    _check(None if source is None else Path(source), out)
    cases = find_labelled(None if source is None else Path(source), options, out / IMAGES, progress)
    failed = {case.name: case.unreadable for case in cases if case.unreadable}
    failed |= _predict([case for case in cases if not case.unreadable], out / PREDICTIONS, options, progress)
    tasks = [CompareTask(case, out / PREDICTIONS / case.name) for case in cases if case.name not in failed]
    compared = []
    for number, (task, outcome) in enumerate(map_in_processes(compare_task, tasks, options.jobs), start=1):
        progress.begin(f"{task.case.name}: comparing", number, len(tasks))
        if outcome is not None and outcome.compared is not None:
            compared.append(outcome.compared)
            continue
        failed[task.case.name] = _DIED if outcome is None else outcome.error
        progress.say("error", failed[task.case.name])
    result = judged(compared, failed)
    write_text(out / f"{AUDIT}.csv", result.to_csv())
    write_json(out / f"{AUDIT}.json", result.to_json())
    return result


def judged(compared: Sequence[ComparedCase], failed: dict[str, str] | None = None) -> AuditResult:
    """Judge compared cases together: what is usual for a structure is learned from all of them.

    Args:
        compared: The cases.
        failed: Case name -> why it could not be compared.
    """
    usual = learn_usual(compared)
    faults = [fault for case in compared for fault in faults_of(case, usual)]
    faults.sort(key=lambda fault: (-fault.sure, fault.case, fault.structure or ""))
    names = sorted(case.case for case in compared)
    return AuditResult(tuple(faults), tuple(names), failed or {}, {key: one.dice for key, one in usual.items()})


def learn_usual(compared: Iterable[ComparedCase]) -> dict[str, Usual]:
    """What is usual for each structure that enough cases have a label of."""
    seen: dict[str, list[LabelComparison]] = defaultdict(list)
    for case in compared:
        for key, one in case.structures.items():
            if one.label_voxels:
                seen[key].append(one)
    return {
        key: Usual(round(median(one.dice for one in some), 4), median(one.islands_ml for one in some))
        for key, some in seen.items()
        if len(some) >= FEWEST
    }


def _predict(
    cases: Sequence[AuditCase], folder: Path, options: AuditOptions, progress: ProgressListener
) -> dict[str, str]:
    """Predict all CTs; return those that failed with the reason."""
    # A CT in a case folder is named after the folder; those of datasets are found by the batch itself.
    inputs = [case.ct.parent if case.ct.parent == case.folder else case.ct for case in cases if case.raw is None]
    if not inputs and not options.dataset:
        return {}
    result = segment_batch(
        inputs,
        folder,
        cases=CaseSelection(dataset=options.dataset),
        options=options.segmenting(),
        save=SAVED,
        batch=BatchOptions(weights=options.weights),
        progress=progress,
    )
    return {outcome.job.case: str(outcome.error) for outcome in result.failed}


def _check(source: Path | None, out: Path) -> None:
    check_output(out, inputs=[] if source is None else [source], overwrite=True)
    if out.exists() and not out.is_dir():
        raise OutputError("is not a folder", source=out, remedy="choose another output")
    known = {PREDICTIONS, IMAGES, f"{AUDIT}.csv", f"{AUDIT}.json"}
    if out.is_dir() and (strange := [path.name for path in out.iterdir() if path.name not in known]):
        raise OutputError(f"holds something else: {strange[0]}", source=out, remedy="choose another folder")
