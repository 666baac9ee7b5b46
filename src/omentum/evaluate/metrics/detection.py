"""Lesion detection: matching of predicted and reference lesions.

A lesion is a connected component (26-neighbourhood). Predicted and reference lesions are matched one to one in order of
decreasing IoU, with a minimum IoU of 0.1. One component that covers two lesions therefore detects only one. The "any
overlap" criterion, which counts both, is reported as well.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omentum.components import component_sizes, connected_components
from omentum.evaluate.metrics.overlap import Mask, ratio

MATCH_IOU = 0.1
"""Minimum intersection over union of a matched pair; low because lesions are small (as in lesion challenges)."""

SIZE_BINS_MM = {"< 10 mm": 10.0, "10-20 mm": 20.0, "> 20 mm": math.inf}
"""Size bins by the diameter of the sphere of equal volume; each value is the upper end (20 mm is in the middle bin)."""


@dataclass(frozen=True)
class LesionCount:
    """Number of lesions found out of a total."""

    found: int = 0
    total: int = 0

    def __add__(self, other: LesionCount) -> LesionCount:
        return LesionCount(self.found + other.found, self.total + other.total)

    @property
    def sensitivity(self) -> float | None:
        """Found / total; None if there are none."""
        return ratio(self.found, self.total)


@dataclass(frozen=True)
class Detection:
    """Lesion counts of one case, or the sum over many.

    Args:
        true_positives: Number of matched pairs.
        false_negatives: Number of reference lesions without a match.
        false_positives: Number of predicted lesions without a match.
        any_overlap: Number of reference lesions that share at least one voxel with the prediction.
        matched_iou: IoU of each matched pair, best first.
        by_size: Matched lesions by size of the reference lesion; keys of `SIZE_BINS_MM`.
        false_positives_by_size: False positives by their own size.
        scans: Number of cases with a prediction, for false positives per scan.
    """

    true_positives: int = 0
    false_negatives: int = 0
    false_positives: int = 0
    any_overlap: int = 0
    matched_iou: tuple[float, ...] = ()
    by_size: dict[str, LesionCount] = field(default_factory=lambda: dict.fromkeys(SIZE_BINS_MM, LesionCount()))
    false_positives_by_size: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIZE_BINS_MM, 0))
    scans: int = 1

    def __add__(self, other: Detection) -> Detection:
        return Detection(
            self.true_positives + other.true_positives,
            self.false_negatives + other.false_negatives,
            self.false_positives + other.false_positives,
            self.any_overlap + other.any_overlap,
            tuple(sorted(self.matched_iou + other.matched_iou, reverse=True)),
            {name: self.by_size[name] + other.by_size[name] for name in SIZE_BINS_MM},
            {name: self.false_positives_by_size[name] + other.false_positives_by_size[name] for name in SIZE_BINS_MM},
            self.scans + other.scans,
        )

    @property
    def reference_lesions(self) -> int:
        """Number of reference lesions."""
        return self.true_positives + self.false_negatives

    @property
    def predicted_lesions(self) -> int:
        """Number of predicted lesions."""
        return self.true_positives + self.false_positives

    @property
    def sensitivity(self) -> float | None:
        """Matched / reference lesions; None if there are no reference lesions."""
        return ratio(self.true_positives, self.reference_lesions)

    @property
    def any_overlap_sensitivity(self) -> float | None:
        """Reference lesions with any overlap / reference lesions; None if there are none."""
        return ratio(self.any_overlap, self.reference_lesions)

    @property
    def precision(self) -> float | None:
        """Matched / predicted lesions; None if none were predicted."""
        return ratio(self.true_positives, self.predicted_lesions)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN); None if all are 0."""
        return ratio(2 * self.true_positives, self.reference_lesions + self.predicted_lesions)


@dataclass(frozen=True, eq=False)
class _Lesions:
    """Connected components: `labels` 0..n, and the size of each (index 0 is background)."""

    labels: NDArray[np.integer]
    voxels: list[int]
    voxel_volume_ml: float

    def at_least(self, minimum_ml: float) -> set[int]:
        return {n for n in range(1, len(self.voxels)) if self.volume_ml(n) >= minimum_ml}

    def volume_ml(self, number: int) -> float:
        return self.voxels[number] * self.voxel_volume_ml


def detect(predicted: Mask, reference: Mask, voxel_volume_ml: float, minimum_ml: float = 0.0) -> Detection:
    """Match the lesions of two masks.

    Args:
        predicted: Predicted mask, bool [i, j, k].
        reference: Reference mask, bool, same shape.
        voxel_volume_ml: Volume of a voxel in ml.
        minimum_ml: Smaller lesions are ignored: a smaller reference lesion is neither found nor missed, its match is
            not a false positive, and a smaller unmatched prediction is not a false positive.
    """
    return Matcher(reference, voxel_volume_ml, minimum_ml).detect(predicted)


class Matcher:
    """Matches several predictions with one reference, whose components are computed once; arguments as for `detect`."""

    def __init__(self, reference: Mask, voxel_volume_ml: float, minimum_ml: float = 0.0) -> None:
        self._references, self._minimum_ml = _lesions(reference, voxel_volume_ml), minimum_ml
        self._wanted = self._references.at_least(minimum_ml)

    def lesions_by_size(self) -> dict[str, int]:
        """Number of reference lesions by key of `SIZE_BINS_MM`."""
        return _counted_by_size(self._references, self._wanted)

    def detect(self, predicted: Mask) -> Detection:
        """Match one prediction; see `omentum.evaluate.metrics.detection.detect`."""
        references, wanted = self._references, self._wanted
        predictions = _lesions(predicted, references.voxel_volume_ml)
        shared = _shared_voxels(predictions, references)
        pairs = _matched(shared, predictions, references)
        found = {r: iou for (_, r), iou in pairs.items() if r in wanted}
        spurious = predictions.at_least(self._minimum_ml) - {p for p, _ in pairs}
        return Detection(
            true_positives=len(found),
            false_negatives=len(wanted) - len(found),
            false_positives=len(spurious),
            any_overlap=len(wanted & {r for _, r in shared}),
            matched_iou=tuple(sorted(found.values(), reverse=True)),
            by_size=_by_size(references, wanted, found),
            false_positives_by_size=_counted_by_size(predictions, spurious),
        )


def size_bin(volume_ml: float) -> str:
    """Key of `SIZE_BINS_MM` for a lesion volume in ml."""
    diameter_mm = (6000.0 * volume_ml / math.pi) ** (1 / 3)
    first, middle, last = SIZE_BINS_MM
    return first if diameter_mm < SIZE_BINS_MM[first] else middle if diameter_mm <= SIZE_BINS_MM[middle] else last


def _lesions(mask: Mask, voxel_volume_ml: float) -> _Lesions:
    labels = connected_components(mask)
    return _Lesions(labels, component_sizes(labels).tolist(), voxel_volume_ml)


def _shared_voxels(predictions: _Lesions, references: _Lesions) -> dict[tuple[int, int], int]:
    """(predicted lesion, reference lesion) -> number of common voxels, for overlapping pairs."""
    touching = (predictions.labels > 0) & (references.labels > 0)
    pairs = np.stack([predictions.labels[touching], references.labels[touching]]).astype(np.int64)
    found, counts = np.unique(pairs, axis=1, return_counts=True)
    return {(int(p), int(r)): int(n) for (p, r), n in zip(found.T, counts, strict=True)}


def _matched(
    shared: dict[tuple[int, int], int], predictions: _Lesions, references: _Lesions
) -> dict[tuple[int, int], float]:
    """Greedy one-to-one matching in order of decreasing IoU; ties go to lower numbers, for reproducibility."""
    iou = {(p, r): both / (predictions.voxels[p] + references.voxels[r] - both) for (p, r), both in shared.items()}
    pairs: dict[tuple[int, int], float] = {}
    for p, r in sorted(iou, key=lambda pair: (-iou[pair], pair)):
        if iou[p, r] >= MATCH_IOU and all(p != a and r != b for a, b in pairs):
            pairs[p, r] = iou[p, r]
    return pairs


def _by_size(references: _Lesions, wanted: set[int], found: Container[int]) -> dict[str, LesionCount]:
    bins = dict.fromkeys(SIZE_BINS_MM, LesionCount())
    for r in wanted:
        bins[size_bin(references.volume_ml(r))] += LesionCount(int(r in found), 1)
    return bins


def _counted_by_size(lesions: _Lesions, numbers: set[int]) -> dict[str, int]:
    bins = dict.fromkeys(SIZE_BINS_MM, 0)
    for number in numbers:
        bins[size_bin(lesions.volume_ml(number))] += 1
    return bins
