"""Pictures of the worst cases for the HTML page, selected by score and read again one at a time.

Their number is limited, so that size and memory of the page do not grow with the number of cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omentum.anatomy.pairs import members
from omentum.errors import OmentumError
from omentum.evaluate.pairing import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omentum.evaluate import StructureScore
    from omentum.evaluate.cases import CaseEvaluator
    from omentum.evaluate.differences import Difference
    from omentum.evaluate.evaluated_cases import EvaluatedCases
    from omentum.progress import ProgressListener
    from omentum.volume import Grid

OF_A_STRUCTURE, MOST = 2, 48
"""Maximum number of pictures per structure and in total; the worst case of every structure comes before any second
one."""


@dataclass(frozen=True)
class WorstCase:
    """Picture of a worst case with its description."""

    case: str
    score: StructureScore
    difference: Difference


def worst_cases(
    evaluated: EvaluatedCases, pairs: Sequence[Pair], evaluator: CaseEvaluator, reporter: ProgressListener
) -> list[WorstCase]:
    """Draw the worst cases of every structure; cases that can no longer be read are skipped."""
    from omentum.evaluate import with_unions
    from omentum.evaluate.differences import differences

    chosen = _chosen(evaluated)
    by_name = {pair.name: pair for pair in pairs}
    names = list(dict.fromkeys(case for case, _ in chosen))
    drawn: dict[tuple[str, str], Difference] = {}
    if names:
        reporter.begin("pictures of the worst cases", 1, 1)
    for number, name in enumerate(names, start=1):
        keys = [score.key for case, score in chosen if case == name]
        try:
            read = evaluator.read(by_name[name])
            hu = _hu_of(by_name[name], read.reference.grid, alone=len(pairs) == 1)
            # A pair evaluated as one is drawn as its right side, with the voxels of both.
            joined = {members(key)[0]: members(key)[1:] for key in keys if len(members(key)) > 1}
            prediction, truth = (
                with_unions(one, joined) if joined else one for one in (read.prediction, read.reference)
            )
            found = differences(hu, prediction, truth, [members(key)[0] for key in keys])
            drawn |= {(name, key): found[members(key)[0]] for key in keys if members(key)[0] in found}
        except OmentumError as fault:
            reporter.say("warning", f"no picture of {name}: {fault}")
        reporter.progress(number, len(names))
    return [WorstCase(case, score, drawn[case, score.key]) for case, score in chosen if (case, score.key) in drawn]


def _chosen(evaluated: EvaluatedCases) -> list[tuple[str, StructureScore]]:
    """Case and score, in template order, worst case first."""
    unread = {*evaluated.failed, *evaluated.without}
    of: dict[str, list[tuple[float, float, str, StructureScore]]] = {}
    for case in evaluated.scores:
        for score in case.structures:
            if case.case not in unread and score.status.counts and score.dice is not None and score.dice < 1:
                ml = max(score.predicted_ml, score.reference_ml or 0.0)
                of.setdefault(score.key, []).append((score.dice, -ml, case.case, score))
    worst = {key: sorted(found, key=lambda row: row[:3])[:OF_A_STRUCTURE] for key, found in of.items()}
    ranked = [(rank, n, row) for n, found in enumerate(worst.values()) for rank, row in enumerate(found)]
    kept = sorted(ranked, key=lambda entry: (entry[0], entry[2][0], entry[1]))[:MOST]
    return [(row[2], row[3]) for _, _, row in sorted(kept, key=lambda entry: (entry[1], entry[0]))]


def _hu_of(pair: Pair, grid: Grid, *, alone: bool) -> NDArray[Any] | None:
    """The CT of a reference, if known and readable; otherwise None, and the picture is drawn without it."""
    from omentum.evaluate import reoriented
    from omentum.evaluate.stored_reference import is_stored, stored_hu
    from omentum.io.nifti import read_volume

    folder = pair.reference if pair.reference.is_dir() else pair.reference.parent
    if is_stored(folder):
        return stored_hu(folder)
    # In a folder of many label maps, a CT may belong to any of them.
    path: Path = folder / "ct.nii.gz"
    if not path.is_file() or not (pair.reference.is_dir() or alone):
        return None
    try:
        ct = read_volume(path)
        return reoriented(ct.voxels, ct.grid, grid)
    except OmentumError:
        return None
