"""Scores of one case: every structure of a prediction against a reference on the same grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from omentum.anatomy.pairs import kind_of, members
from omentum.boxes import Box, around
from omentum.errors import GeometryError
from omentum.evaluate.metrics.alignment import different_grids
from omentum.evaluate.metrics.case_scores import CaseScores, StructureScore
from omentum.evaluate.metrics.detection import Detection, detect
from omentum.evaluate.metrics.overlap import Mask, Overlap, overlap
from omentum.evaluate.metrics.rules import Rules
from omentum.evaluate.metrics.scope import NO_PREDICTION, Scope
from omentum.evaluate.metrics.status import Status, status
from omentum.evaluate.metrics.surface import surface_distances
from omentum.segmentation import Segmentation, no_bits
from omentum.volume import Grid

SKEW_TOLERANCE = 0.01
"""Largest cosine between two axes (0.6 degrees) for which the axes are treated as orthogonal."""


def evaluate(
    pred: Segmentation,
    ref: Segmentation,
    *,
    case: str = "",
    patient: str = "",
    rules: Rules | None = None,
    scope: Scope | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CaseScores:
    """Score a prediction against a reference.

    Args:
        pred: Prediction.
        ref: Reference on the same grid (see `aligned`); `ref.annotated` lists what may be evaluated.
        case: Case name.
        patient: See `CaseScores`.
        rules: See `Rules`.
        scope: Structures to evaluate; by default the classes of the prediction that are annotated.
        progress: Called after each structure with (done, total).

    Raises:
        GeometryError: the grids differ, or distances are requested on a grid whose axes are not orthogonal.
    """
    rules = Rules() if rules is None else rules
    if not pred.grid.same_as(ref.grid):
        raise different_grids(pred.grid, ref.grid)
    if rules.distances:
        _check_right_angles(ref.grid)
    assert ref.annotated is not None
    pair = _Pair(pred, ref, rules)
    scope = Scope(frozenset()) if scope is None else scope
    keys = scope.evaluated(pred.classes, ref.annotated)
    scores = []
    for number, key in enumerate(keys, start=1):
        scores.append(pair.score(key))
        if progress:
            progress(number, len(keys))
    return CaseScores(case, tuple(scores), scope.not_evaluated(keys, ref.annotated), patient)


def missed_case(
    ref: Segmentation,
    classes: Iterable[str],
    *,
    case: str = "",
    patient: str = "",
    rules: Rules | None = None,
    reason: str = "",
    excluded: Mapping[str, str] | None = None,
) -> CaseScores:
    """Scores of a case without a result: every structure of the reference is missed and enters the means.

    Absent structures are not true negatives: the case does not count for specificity, nor for false positives per scan.

    Args:
        ref: As in `evaluate`.
        case: As in `evaluate`.
        patient: As in `evaluate`.
        rules: As in `evaluate`.
        classes: Keys requested of the predictions; pairs are evaluated as one.
        reason: Reason for leaving out others; see `Scope`.
        excluded: See `Scope`.
    """
    asked = tuple(dict.fromkeys(classes))
    joined = frozenset(key for key in asked if len(members(key)) > 1)
    keys = tuple(dict.fromkeys(one for key in asked for one in members(key)))
    scope = Scope(frozenset(keys), reason or Scope.reason, excluded=excluded or {}, joined=joined)
    nothing = Segmentation(no_bits(len(keys), ref.shape), ref.affine, keys)
    scores = evaluate(nothing, ref, case=case, patient=patient, rules=rules, scope=scope)
    missed = tuple(_unanswered(s) for s in scores.structures if s.status is Status.FALSE_NEGATIVE)
    absent = {s.key: NO_PREDICTION for s in scores.structures if s.status is Status.TRUE_NEGATIVE}
    return replace(scores, structures=missed, not_evaluated={**scores.not_evaluated, **absent}, has_prediction=False)


def _unanswered(score: StructureScore) -> StructureScore:
    return score if score.lesions is None else replace(score, lesions=replace(score.lesions, scans=0))


class _Pair:
    """A prediction and its reference, with the bounding box of each structure in either."""

    def __init__(self, pred: Segmentation, ref: Segmentation, rules: Rules) -> None:
        self._pred, self._ref, self._rules = pred, ref, rules
        self._boxes = (pred.boxes(), ref.boxes())

    def score(self, key: str) -> StructureScore:
        annotated = (self._ref.annotated or frozenset()).issuperset(members(key))
        around = _around([found[one] for found in self._boxes for one in members(key) if one in found])
        predicted = mask_of(self._pred, key, around)
        reference = mask_of(self._ref, key, around) if annotated else np.zeros_like(predicted)
        counts = overlap(predicted, reference)
        outcome = status(annotated=annotated, predicted_voxels=counts.predicted, reference_voxels=counts.reference)
        voxel_ml = self._ref.grid.voxel_volume_ml
        shown = counts if annotated else Overlap(0, 0, 0)
        return StructureScore(
            key=key,
            status=outcome,
            dice=shown.dice,
            iou=shown.iou,
            precision=shown.precision,
            recall=shown.recall,
            predicted_ml=counts.predicted * voxel_ml,
            reference_ml=counts.reference * voxel_ml if annotated else None,
            lesions=self._lesions(key, predicted, reference) if annotated else None,
            **self._distances(key, outcome, predicted, reference),
        )

    def _lesions(self, key: str, predicted: Mask, reference: Mask) -> Detection | None:
        if not kind_of(key).is_lesion:
            return None
        return detect(predicted, reference, self._ref.grid.voxel_volume_ml, self._rules.minimum_lesion_ml)

    def _distances(self, key: str, outcome: Status, predicted: Mask, reference: Mask) -> dict[str, float]:
        if not self._rules.distances or not outcome.counts:
            return {}
        if outcome is not Status.EVALUATED:
            return {"nsd": 0.0} | dict.fromkeys(("hd95_mm", "hd_mm", "assd_mm"), _diagonal_mm(self._ref.grid))
        far = surface_distances(predicted, reference, self._ref.grid.spacing_mm)
        nsd = far.nsd(self._rules.tolerances[members(key)[0]].mm)
        return {"nsd": nsd, "hd95_mm": far.hd95_mm, "hd_mm": far.hd_mm, "assd_mm": far.assd_mm}


def mask_of(segmentation: Segmentation, key: str, within: Box) -> Mask:
    """Mask of a structure, or of both sides of a pair; empty if it is not a class."""
    mask = np.zeros([s.stop - s.start for s in within], bool)
    for one in members(key):
        if one in segmentation.classes:
            mask |= segmentation.mask(one, within)
    return mask


def _around(boxes: list[Box]) -> Box:
    """Smallest box that contains all given ones; an empty box for none."""
    return around(boxes) if boxes else (slice(0, 0), slice(0, 0), slice(0, 0))


def _diagonal_mm(grid: Grid) -> float:
    return math.hypot(*(n * mm for n, mm in zip(grid.shape, grid.spacing_mm, strict=True)))


def _check_right_angles(grid: Grid) -> None:
    cosines = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > SKEW_TOLERANCE:
        raise GeometryError(
            "the axes of the grid are not at right angles, distances along them would be wrong",
            remedy="--no-distances counts voxels only",
        )
