"""One case: every structure of a prediction scored against a reference on the same grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.evaluate.alignment import different_grids
from omentum.evaluate.detection import Detection, detect
from omentum.evaluate.overlap import Overlap, overlap
from omentum.evaluate.partial import Status, status
from omentum.segmentation import Box, Segmentation, planes_for

MINIMUM_LESION_ML = 0.03
"""Smaller lesions are neither asked for nor held against the prediction: about a sphere of 4 mm."""

LESION_KINDS = ("tumour", "cyst")


@dataclass(frozen=True)
class StructureScore:
    """One structure in one case.

    Args:
        key: Structure key.
        status: Read this first; see `Status`.
        dice, iou, precision, recall: None where not defined.
        predicted_ml, reference_ml: Volumes; the reference's is None when it is not annotated.
        lesions: For tumours and cysts that are annotated.
    """

    key: str
    status: Status
    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    predicted_ml: float
    reference_ml: float | None
    lesions: Detection | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        rates = {} if self.lesions is None else {"sensitivity": self.lesions.sensitivity}
        return asdict(self) | {"lesions": None if self.lesions is None else asdict(self.lesions) | rates}


@dataclass(frozen=True)
class CaseScores:
    """All structures of one case.

    Args:
        case: Name for tables.
        structures: In template order; every class the prediction was asked for.
        not_predicted: Annotated in the reference, but no class of the prediction; not scored.
    """

    case: str
    structures: tuple[StructureScore, ...]
    not_predicted: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> StructureScore:
        return next(score for score in self.structures if score.key == key)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        scores = {s.key: s.to_json() for s in self.structures}
        return {"case": self.case, "structures": scores, "not_predicted": list(self.not_predicted)}


def evaluate(
    pred: Segmentation, ref: Segmentation, *, case: str = "", minimum_lesion_ml: float = MINIMUM_LESION_ML
) -> CaseScores:
    """Score a prediction against a reference.

    Args:
        pred, ref: On the same grid (see `aligned`); `ref.annotated` says what may be judged.
        case: Name for tables.
        minimum_lesion_ml: See `detect`.

    Raises:
        GeometryError: the grids differ.
    """
    if not pred.grid.same_as(ref.grid):
        raise different_grids(pred.grid, ref.grid)
    assert ref.annotated is not None
    boxes = (pred.boxes(), ref.boxes())
    keys = [row.key for row in STRUCTURES if row.key in pred.classes]
    scores = tuple(_score(key, pred, ref, boxes, minimum_lesion_ml) for key in keys)
    return CaseScores(case, scores, tuple(k for k in STRUCTURES.keys if k in ref.annotated - set(keys)))


def missed_case(ref: Segmentation, classes: Iterable[str], *, case: str = "") -> CaseScores:
    """The scores of a case that produced no result: whatever is there was missed; it never drops out of a mean."""
    classes = tuple(classes)
    nothing = np.zeros((planes_for(len(classes)), *ref.shape), np.uint64)
    return evaluate(Segmentation(nothing, ref.affine, classes), ref, case=case)


def _score(
    key: str,
    pred: Segmentation,
    ref: Segmentation,
    boxes: tuple[dict[str, Box], dict[str, Box]],
    minimum_lesion_ml: float,
) -> StructureScore:
    assert ref.annotated is not None
    around = _around([found[key] for found in boxes if key in found])
    annotated = key in ref.annotated
    ours = pred.mask(key, around)
    theirs = ref.mask(key, around) if annotated else np.zeros_like(ours)
    counts = overlap(ours, theirs)
    outcome = status(annotated=annotated, predicted_voxels=counts.predicted, reference_voxels=counts.reference)
    voxel_ml = ref.grid.voxel_volume_ml
    lesions = None
    if annotated and STRUCTURES[key].kind in LESION_KINDS:
        lesions = detect(ours, theirs, voxel_ml, minimum_lesion_ml)
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
        lesions=lesions,
    )


def _around(boxes: list[Box]) -> Box:
    """The smallest box that holds all the given ones; an empty one for none."""
    if not boxes:
        return slice(0, 0), slice(0, 0), slice(0, 0)
    i, j, k = (slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in zip(*boxes, strict=True))
    return i, j, k
