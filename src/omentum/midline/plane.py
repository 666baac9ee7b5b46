"""The plane that separates the left half of the body from the right half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.volume import Grid


@dataclass(frozen=True)
class Midline:
    """The plane x = x_mm + slope * (z - z_mm), RAS+ mm.

    Args:
        x_mm: RAS+ x of the plane at height `z_mm`.
        slope: How far the plane moves to the right per millimetre towards the head.
        z_mm: Reference height, RAS+ z.
        seen_in: Source of the estimate.
    """

    x_mm: float
    slope: float = 0.0
    z_mm: float = 0.0
    seen_in: Literal["spine", "body", "one flank", "nothing"] = "body"

    def offsets_mm(self, grid: Grid) -> NDArray[np.float32]:
        """Signed distance of each voxel from the plane along x, in mm, float32, shape of the grid; right is positive.

        Computed in float32 along the axes, for whole images; `box_offsets_mm` uses float64.
        """
        normal = np.array([1.0, 0.0, -self.slope])
        along = [
            np.arange(n, dtype=np.float32) * np.float32(normal @ grid.affine[:3, axis])
            for axis, n in enumerate(grid.shape)
        ]
        start = np.float32(normal @ (grid.affine[:3, 3] - [self.x_mm, 0.0, self.z_mm]))
        i, j, k = np.ix_(*along)
        return np.asarray(i + start + j + k)

    def box_offsets_mm(self, grid: Grid, box: Box) -> NDArray[np.float32]:
        """Same as `offsets_mm` for the voxels of a box, shape of the box."""
        normal = np.array([1.0, 0.0, -self.slope])
        i, j, k = ((normal @ grid.affine[:3, axis]) * np.arange(s.start, s.stop) for axis, s in enumerate(box))
        start = normal @ (grid.affine[:3, 3] - [self.x_mm, 0.0, self.z_mm])
        plane = (i[:, None] + j + start).astype(np.float32)
        return plane[:, :, None] + k.astype(np.float32)
