"""The model grid, the crop, and the exact inverse; geometry only, nothing is resampled here.

The model grid keeps the axis directions of the CT (permuted and flipped to the model's orientation, never rotated), so
resampling in either direction is three one-dimensional steps. Oblique images are first made upright; see
`omentum.preprocess.upright`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.axis_order import AxisOrder, axis_order
from omentum.boxes import Box, cropped_grid, starts
from omentum.spec import PreprocessSpec
from omentum.volume import Grid

Positions = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""For each axis, where voxels lie on another grid, in voxels of that grid."""


def model_grid(grid: Grid, spec: PreprocessSpec) -> Grid:
    """Model grid of a CT: the model's orientation and spacing, with the first voxels aligned.

    Shape and affine equal those of MONAI's `Orientation` and `Spacing` (`scale_extent=False`): the last voxel centre is
    the one nearest to the last of the CT. Unlike in MONAI, sheared axes stay sheared.
    """
    oriented = axis_order(grid, spec.orientation).grid(grid)
    ratios = np.asarray(spec.spacing_mm) / oriented.spacing_mm
    i, j, k = (int(n) for n in np.round((np.asarray(oriented.shape) - 1) / ratios + 1))
    return Grid((i, j, k), oriented.affine @ np.diag([*ratios, 1.0]))


@dataclass(frozen=True, eq=False)
class Undo:
    """The inverse of preprocessing: from the cropped model grid back to the CT grid.

    Args:
        native: Grid of the CT, or its upright replacement.
        order: Permutation and flips from the CT's axes to the model's.
        whole: The model grid before cropping.
        box: The part of it that was kept.
        oblique: Grid of the CT, if `native` is its upright replacement.
    """

    native: Grid
    order: AxisOrder
    whole: Grid
    box: Box
    oblique: Grid | None = None

    @property
    def ct(self) -> Grid:
        """Grid of the CT file."""
        return self.oblique or self.native

    @property
    def oriented(self) -> Grid:
        """Native grid with its axes in the model's orientation."""
        return self.order.grid(self.native)

    @property
    def model(self) -> Grid:
        """The cropped model grid, on which the tensor is defined."""
        return cropped_grid(self.whole, self.box)

    @property
    def positions(self) -> Positions:
        """For each axis of `oriented`: voxel positions in voxels of `model`, ascending.

        Cropped voxels lie outside the model grid; less than half a voxel outside still belongs to the outermost voxel.
        """
        i, j, k = positions_on(self.oriented, self.whole)
        a, b, c = starts(self.box)
        return i - a, j - b, k - c

    def oriented_view(self, native_array: NDArray[Any]) -> NDArray[Any]:
        """View of an array on the CT grid (last three axes) with the model's axis order; writes go through."""
        return self.order.view(native_array)


def positions_on(grid: Grid, other: Grid) -> Positions:
    """Voxel positions of `grid` on `other`, which has the same first voxel and axis directions."""
    x, y, z = (
        np.arange(n, dtype=np.float64) * (mm / other_mm)
        for n, mm, other_mm in zip(grid.shape, grid.spacing_mm, other.spacing_mm, strict=True)
    )
    return x, y, z


def nearest_on_model_grid(array: NDArray[Any], grid: Grid, spec: PreprocessSpec) -> NDArray[Any]:
    """Resample labels or packed bits (last three axes on `grid`) to the uncropped model grid by nearest neighbour.

    Labels are never averaged. Cropping the result with `Undo.box` gives the ground truth of a prepared CT.
    """
    order, target = axis_order(grid, spec.orientation), model_grid(grid, spec)
    oriented = order.grid(grid)
    nearest = [
        np.rint(at).astype(np.intp).clip(0, n - 1)
        for at, n in zip(positions_on(target, oriented), oriented.shape, strict=True)
    ]
    x, y, z = np.ix_(*nearest)
    return order.view(array)[..., x, y, z]
