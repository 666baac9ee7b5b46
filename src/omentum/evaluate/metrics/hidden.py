"""Structures hidden in a label map with one value per voxel, as a share of their voxels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.segmentation import Segmentation, overlaps

REPORTED_SHARE = 0.01
"""Minimum hidden share of a structure that is reported."""


def hidden_shares(masks: Segmentation, among: Iterable[str]) -> dict[str, float]:
    """Share of each structure that a label map in the template's painting order would hide.

    A lesion or vessel does not hide its host, which is restored when a label map is read (see `omentum.io.hosts`).

    Args:
        masks: Masks, overlapping or not.
        among: Structures in the label map; only these can hide others.

    Returns:
        Structure key -> hidden share of its voxels, if at least `REPORTED_SHARE`.
    """
    hidden: Counter[str] = Counter()
    painted = frozenset(among)
    for keys, voxels in ((keys & painted, voxels) for keys, voxels in overlaps(masks).items() if keys & painted):
        shown = max(keys, key=lambda key: STRUCTURES[key].paint_order)
        for key in keys - {shown, *STRUCTURES[shown].hosts}:
            hidden[key] += voxels
    boxes = masks.boxes() if hidden else {}
    shares = {key: n / np.count_nonzero(masks.mask(key, boxes[key])) for key, n in hidden.items()}
    return {key: shares[key] for key in masks.classes if shares.get(key, 0) >= REPORTED_SHARE}


def most_hidden(cases: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Largest hidden share of each structure over cases, in decreasing order."""
    most: dict[str, float] = {}
    for shares in cases:
        for key, share in shares.items():
            most[key] = max(share, most.get(key, 0.0))
    return dict(sorted(most.items(), key=lambda entry: -entry[1]))
