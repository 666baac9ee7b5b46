"""Whether the planes of contours are the slices of a CT: never two planes in one slice, nor empty slices between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError

SAME_PLANE = 0.05
"""Contours at most so many slices apart lie in one plane; positions are rounded."""
COARSER = 1.1
"""Planes more than so many slices apart are not next to each other."""
_REMEDY = "give the CT that they were drawn on, or convert them to masks on it"


@dataclass(frozen=True, eq=False)
class Contour:
    """A closed contour.

    Args:
        corners: (column, row) of the corners in voxels.
        height: Mean position along the slices, in slices.
    """

    corners: NDArray[np.float64]
    height: float

    @property
    def slice(self) -> int:
        """Slice that it is drawn in."""
        return round(self.height)

    def meets(self, shape: tuple[int, int, int]) -> bool:
        """Whether any of it can be on a grid."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        return 0 <= self.slice < shape[2] and bool((high >= -0.5).all() and (low <= np.subtract(shape[:2], 0.5)).all())


def check_planes(regions: Sequence[Sequence[Contour]], slice_mm: float, path: Path) -> int:
    """Check the planes of all regions against the slices of the CT.

    Args:
        regions: Contours of each region.
        slice_mm: Distance of the slices.
        path: File name for messages.

    Returns:
        Number of regions with slices without a contour between others.

    Raises:
        GeometryError: Contours of two planes lie in one slice, or the planes are coarser than the slices.
    """
    planes = [_planes([one.height for one in region]) for region in regions if region]
    gaps = np.concatenate([np.diff(heights) for heights in planes]) if planes else np.zeros(0)
    if not len(gaps):
        return 0
    least = float(gaps.min())
    spacings = f"contours are {least * slice_mm:.3g} mm apart, slices of the CT {slice_mm:.3g} mm"
    if any(len({round(height) for height in heights}) < len(heights) for heights in planes):
        raise GeometryError(f"has contours of several planes in one slice: {spacings}", source=path, remedy=_REMEDY)
    # A few separate pieces are no stack: only an even distance that occurs repeatedly is that of the planes.
    if least > COARSER and np.count_nonzero(gaps <= COARSER * least) > 1:
        reason = f"leaves slices of the CT between its contours empty: {spacings}"
        raise GeometryError(reason, source=path, remedy=_REMEDY)
    return sum(bool((np.diff(heights) >= 2 - SAME_PLANE).any()) for heights in planes)


def _planes(heights: Sequence[float]) -> NDArray[np.float64]:
    """Distinct heights, ascending."""
    ascending = np.sort(heights)
    return ascending[np.diff(ascending, prepend=-np.inf) > SAME_PLANE]
