"""The model grid, the crop, and the exact way back to the CT; geometry only, nothing is averaged.

A model grid keeps the directions of the axes (permuted and flipped to the model's orientation, never rotated), so going
there and back is three one-dimensional steps. Oblique images are first made upright, see `omentum.preprocess.upright`.
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
    """The grid a CT is brought to: the model's orientation and spacing, its first voxel on the CT's first.

    Shape and affine are those of MONAI's `Orientation` and `Spacing` (`scale_extent=False`): the last voxel centre is
    the one nearest to the CT's last. Unlike there, sheared axes stay sheared.
    """
    oriented = axis_order(grid, spec.orientation).grid(grid)
    ratios = np.asarray(spec.spacing_mm) / oriented.spacing_mm
    i, j, k = (int(n) for n in np.round((np.asarray(oriented.shape) - 1) / ratios + 1))
    return Grid((i, j, k), oriented.affine @ np.diag([*ratios, 1.0]))


@dataclass(frozen=True, eq=False)
class Undo:
    """The inverse of preprocessing: from the cropped model grid back to the grid of the CT.

    Args:
        native: The CT's grid, or an upright one in its place.
        order: From the CT's axes to the model's.
        whole: The model grid before cropping.
        box: The part of it that was kept.
        oblique: The CT's own grid, where `native` is an upright one in its place.
    """

    native: Grid
    order: AxisOrder
    whole: Grid
    box: Box
    oblique: Grid | None = None

    @property
    def ct(self) -> Grid:
        """The grid of the CT file."""
        return self.oblique or self.native

    @property
    def oriented(self) -> Grid:
        """The CT's own voxels, axes as the model has them."""
        return self.order.grid(self.native)

    @property
    def model(self) -> Grid:
        """The cropped model grid, where the tensor lives."""
        return cropped_grid(self.whole, self.box)

    @property
    def positions(self) -> Positions:
        """For each axis of `oriented`: where its voxels lie, in voxels of `model`, ascending.

        Parts that were cropped away lie outside it. Less than half a voxel outside still belongs to the outermost one.
        """
        i, j, k = positions_on(self.oriented, self.whole)
        a, b, c = starts(self.box)
        return i - a, j - b, k - c

    def oriented_view(self, native_array: NDArray[Any]) -> NDArray[Any]:
        """An array on the CT's own grid (last three axes), seen with the model's axes; writing to it goes through."""
        return self.order.view(native_array)


def positions_on(grid: Grid, other: Grid) -> Positions:
    """Where the voxels of `grid` lie on `other`, a grid with the same first voxel and axis directions."""
    x, y, z = (
        np.arange(n, dtype=np.float64) * (mm / other_mm)
        for n, mm, other_mm in zip(grid.shape, grid.spacing_mm, other.spacing_mm, strict=True)
    )
    return x, y, z


def nearest_on_model_grid(array: NDArray[Any], grid: Grid, spec: PreprocessSpec) -> NDArray[Any]:
    """Labels or packed bits (last three axes on `grid`) taken to the uncropped model grid by nearest neighbour.

    A label is never averaged. Cropping the result with `Undo.box` gives the truth of a prepared CT.
    """
    order, target = axis_order(grid, spec.orientation), model_grid(grid, spec)
    oriented = order.grid(grid)
    nearest = [
        np.rint(at).astype(np.intp).clip(0, n - 1)
        for at, n in zip(positions_on(target, oriented), oriented.shape, strict=True)
    ]
    x, y, z = np.ix_(*nearest)
    return order.view(array)[..., x, y, z]
