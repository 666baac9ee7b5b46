"""What one number a voxel costs in an evaluation: structures that others are painted over in a label map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.segmentation import Segmentation, overlaps

TOLD_SHARE = 0.01
"""Minimum hidden share of a structure that is reported."""


def hidden_shares(masks: Segmentation, among: Iterable[str]) -> dict[str, float]:
    """How much of each structure a label map in the template's painting order would not show.

    A lesion or vessel hides nothing of the host it lives in, to which it is given back when a label map is read (see
    `omentum.io.hosts`).

    Args:
        masks: Which overlap, or do not.
        among: Structures that the label map has; no other one hides anything there.

    Returns:
        Structure key -> share of its voxels, from `TOLD_SHARE` on.
    """
    hidden: Counter[str] = Counter()
    painted = frozenset(among)
    for keys, voxels in ((keys & painted, voxels) for keys, voxels in overlaps(masks).items() if keys & painted):
        shown = max(keys, key=lambda key: STRUCTURES[key].paint_order)
        for key in keys - {shown, *STRUCTURES[shown].hosts}:
            hidden[key] += voxels
    boxes = masks.boxes() if hidden else {}
    shares = {key: n / np.count_nonzero(masks.mask(key, boxes[key])) for key, n in hidden.items()}
    return {key: shares[key] for key in masks.classes if shares.get(key, 0) >= TOLD_SHARE}


def most_hidden(cases: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The largest share of each structure in any case, the largest first."""
    most: dict[str, float] = {}
    for shares in cases:
        for key, share in shares.items():
            most[key] = max(share, most.get(key, 0.0))
    return dict(sorted(most.items(), key=lambda entry: -entry[1]))
