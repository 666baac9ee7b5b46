"""Proposals for annotation in one call; implements `omentum annotate propose`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omentum.annotate.accepted_log import accepted_keys
from omentum.annotate.propose.monai_label import write_monai_label
from omentum.annotate.propose.options import SAVED, ProposeOptions, ViewPlan
from omentum.annotate.propose.page import worklist_html
from omentum.annotate.propose.proposals import CaseProposal, Worklist
from omentum.annotate.propose.propose_case import ProposalTask, propose_case
from omentum.annotate.propose.says_once import SaysOnce
from omentum.annotate.propose.sources import RoundSource, find_source
from omentum.annotate.round_folder import CASES, PREDICTIONS, PROPOSALS, ROUND, WORKLIST, AnnotationRound, SourceKind
from omentum.atomic import replacing, write_json, write_text
from omentum.errors import OmentumError, OutputError, capture_warnings
from omentum.evaluate.stored_reference import is_store
from omentum.output_checks import check_output
from omentum.pipeline.batch.api import segment_batch
from omentum.pipeline.batch.options import BatchOptions
from omentum.progress import ProgressListener, SilentProgress
from omentum.temporary_names import remove_unfinished

_REMEDY = "choose another folder"


@dataclass(frozen=True)
class ProposeResult:
    """Result of a round of proposals.

    Args:
        folder: Folder of the round.
        proposals: One per case that could be predicted, in order.
        worklist: What to correct, in order.
        failed: Case name -> reason, for cases without a proposal.
    """

    folder: Path
    proposals: tuple[CaseProposal, ...]
    worklist: Worklist
    failed: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values, as in worklist.json; `Worklist.from_json` reads them."""
        return self.worklist.to_json()


def propose_annotations(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: ProposeOptions | None = None,
    *,
    progress: ProgressListener | None = None,
) -> ProposeResult:
    """Predict CTs, and write proposals with a worklist of what to correct first.

    An interrupted round is completed by calling again; a case that fails does not stop the others.

    Args:
        source: Folder of CTs, of case folders, or a prepared store.
        out: Folder of the round; see `omentum.annotate.round_folder`.
        options: See `ProposeOptions`.
        progress: Receives progress, warnings and errors.

    Raises:
        OmentumError: there is no CT, or the weights, options or output are unusable.

    Example:
        >>> done = omentum.propose_annotations("cts/", "round/", omentum.ProposeOptions(weights=("a.st", "b.st")))
        >>> [(item.case, item.structure.key) for item in done.worklist.items[:5]]
    """
    source, out = Path(source), Path(out)
    options, progress = options or ProposeOptions(), progress or SilentProgress()
    _check(source, out)
    begun = _begin(source, out, options)
    try:
        found = _as_before(find_source(source, out, progress), out)
    except OmentumError:
        if begun:
            (out / ROUND).unlink()
        raise
    failed = {name: case.error for name, case in found.cases.items() if case.error}
    plans = options.views()
    listener = SaysOnce(progress)
    for plan in plans:
        failed |= _predict(found, out / PREDICTIONS / plan.name, plan, listener)
    proposals: list[CaseProposal] = []
    names = [name for name in found.cases if name not in failed]
    for folder in (out, out / CASES, out / PROPOSALS):
        if folder.is_dir():
            remove_unfinished(folder)
    for number, name in enumerate(names, start=1):
        progress.begin(f"{name}: proposing", number, len(names))
        try:
            with capture_warnings(lambda message: progress.say("warning", message), propagate=False):
                proposals.append(propose_case(ProposalTask(out, name, found.cases[name], plans, options)))
        except OmentumError as fault:
            failed[name] = str(fault)
            progress.say("error", str(fault))
    cases = {name: replace(case, error=failed.get(name)) for name, case in found.cases.items()}
    AnnotationRound(str(source.absolute()), found.kind, options.weights, options.profile, cases).write(out)
    worklist = write_worklist(out, proposals)
    if options.monai_label:
        write_monai_label(out, proposals)
    return ProposeResult(out, tuple(proposals), worklist, failed)


def write_worklist(folder: Path, proposals: list[CaseProposal]) -> Worklist:
    """Write worklist.csv, .json and .html; structures accepted in this round are left out."""
    worklist = Worklist.of(proposals, accepted_keys(folder))
    write_text(folder / f"{WORKLIST}.csv", worklist.to_csv())
    write_json(folder / f"{WORKLIST}.json", worklist.to_json())
    with replacing(folder / f"{WORKLIST}.html") as file:
        file.write(worklist_html(worklist, folder))
    return worklist


def _check(source: Path, out: Path) -> None:
    """Refuse a folder that is no earlier round of the same source."""
    check_output(out, inputs=[source], overwrite=True)
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError("is not a folder", source=out, remedy=_REMEDY)
    if any(out.iterdir()) and not (out / ROUND).is_file():
        raise OutputError("is a folder that holds something else", source=out, remedy=_REMEDY)
    if (out / ROUND).is_file():
        earlier = AnnotationRound.read(out)
        if earlier.source != str(source.absolute()):
            raise OutputError(f"is a round of {earlier.source}", source=out, remedy=_REMEDY)


def _begin(source: Path, out: Path, options: ProposeOptions) -> bool:
    """Mark a new folder as a round of this source, so that it is known as one if the round is interrupted.

    Returns:
        Whether it is new.
    """
    is_new = source.exists() and not (out / ROUND).is_file()
    if is_new:
        kind = SourceKind.STORE if source.is_dir() and is_store(source) else SourceKind.FOLDER
        AnnotationRound(str(source.absolute()), kind, options.weights, options.profile, {}).write(out)
    return is_new


def _as_before(found: RoundSource, out: Path) -> RoundSource:
    """Leave out what was annotated when the round began; what has been accepted since is only not listed any more."""
    if not (out / ROUND).is_file():
        return found
    earlier = AnnotationRound.read(out).cases
    cases = {
        name: replace(case, annotated=earlier[name].annotated) if name in earlier else case
        for name, case in found.cases.items()
    }
    return replace(found, cases=cases)


def _predict(found: RoundSource, folder: Path, plan: ViewPlan, progress: ProgressListener) -> dict[str, str]:
    """Predict all cases; return those that failed with the reason."""
    batch = BatchOptions(weights=(plan.weights,))
    if not found.inputs:
        return {}
    result = segment_batch(found.inputs, folder, options=plan.segmenting, save=SAVED, batch=batch, progress=progress)
    return {outcome.job.case: str(outcome.error) for outcome in result.failed}
