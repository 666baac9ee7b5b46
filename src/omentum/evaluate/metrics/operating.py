"""Detections of one lesion type in one case at every threshold.

At each threshold, the voxels with at least that probability form a segmentation, whose components are matched with the
reference like lesions (see `detection`). Components that inference would remove for their volume are left out, so a
threshold is an operating point that can be set for inference, not only a rank among candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.components import component_sizes, connected_components, select_components
from omentum.evaluate.metrics.detection import SIZE_BINS_MM, Matcher
from omentum.evaluate.metrics.overlap import Mask
from omentum.json_values import from_json_values

STEPS = 255
"""Number of quantisation steps of probabilities, stored as uint8."""

THRESHOLDS = (0.01, 0.02, *(round(0.05 * n, 2) for n in range(1, 20)), 0.98, 0.99)
"""Thresholds in increasing order; finer steps could not be distinguished with some hundred cases."""

MAPS = "probability maps"
LISTS = "lesion lists"


@dataclass(frozen=True)
class Curve:
    """Counts at each of `THRESHOLDS`.

    Args:
        source: `MAPS`, or `LISTS`: the lesions of a finished segmentation with their mean probabilities, without
            information below the threshold used for it.
        score: Highest probability in the case, 0..1; the score for patient-level ROC.
        present: Whether the reference has this lesion type.
        lesions: Number of reference lesions by size (keys of `SIZE_BINS_MM`).
        found: Number of them found at each threshold, by size.
        false: Number of false positives at each threshold.
    """

    source: str
    score: float
    present: bool
    lesions: Mapping[str, int]
    found: Mapping[str, tuple[int, ...]]
    false: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Curve:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


def curve(
    probability: NDArray[np.uint8],
    reference: Mask,
    voxel_volume_ml: float,
    minimum_ml: float,
    source: str = MAPS,
    *,
    removed_below_ml: float = 0.0,
) -> Curve:
    """Count detections at every threshold.

    Args:
        probability: uint8, in steps of 1/255, shape of `reference`.
        reference: Reference mask of the lesion type, bool [i, j, k].
        voxel_volume_ml: Volume of a voxel, in ml.
        minimum_ml: See `detect`.
        source: See `Curve`.
        removed_below_ml: Volume of a component below which inference removes it, whatever the threshold.
    """
    box = _box((probability >= _step(THRESHOLDS[0])) | reference)
    likely, matcher = probability[box], Matcher(reference[box], voxel_volume_ml, minimum_ml)
    highest, removed_voxels = int(likely.max(initial=0)), removed_below_ml / voxel_volume_ml
    found: dict[str, list[int]] = {size: [] for size in SIZE_BINS_MM}
    false: list[int] = []
    for threshold in THRESHOLDS:
        step = _step(threshold)
        outcome = matcher.detect(_without_small(likely >= step, removed_voxels)) if step <= highest else None
        for size, counts in found.items():
            counts.append(outcome.by_size[size].found if outcome else 0)
        false.append(outcome.false_positives if outcome else 0)
    return Curve(
        source,
        int(probability.max(initial=0)) / STEPS,
        bool(reference.any()),
        matcher.lesions_by_size(),
        {size: tuple(counts) for size, counts in found.items()},
        tuple(false),
    )


def _without_small(mask: Mask, voxels: float) -> Mask:
    if voxels <= 1:
        return mask
    labels = connected_components(mask)
    wanted = component_sizes(labels) >= voxels
    wanted[0] = False  # background
    return select_components(labels, wanted)


def _step(threshold: float) -> int:
    # Rounded like the probabilities, so that a probability equal to the threshold is included.
    return int(np.rint(threshold * STEPS))


def _box(mask: Mask) -> Box:
    """Smallest bounding box of a mask; an empty box for an empty mask."""
    spans = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    i, j, k = (slice(int(s[0]), int(s[-1]) + 1) if len(s) else slice(0, 0) for s in spans)
    return i, j, k
