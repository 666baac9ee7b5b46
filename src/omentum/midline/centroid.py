"""Centroid of a mask from its counts along the axes, without a list of voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omentum.volume import Grid


def centroid_mm(counts: Sequence[NDArray[np.integer]], grid: Grid) -> NDArray[np.float64] | None:
    """Compute the centroid of a mask.

    Args:
        counts: For each array axis, the number of true voxels by index along it.
        grid: Grid of the mask.

    Returns:
        RAS+ mm, shape (3,); None for an empty mask.
    """
    total = int(counts[0].sum())
    if not total:
        return None
    return grid.to_world([float(np.arange(len(c)) @ c) / total for c in counts])
