"""Array axes in another order and direction: permutations with flips, never interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError
from omentum.volume import Grid

WHOLE_STEP_TOLERANCE = 0.01
"""How far the transform between two grids may be from a permutation with flips (fractions of a voxel step)."""

WORLD_DIRECTIONS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
"""Letter of an axis direction -> world axis and sign (RAS+)."""


@dataclass(frozen=True)
class AxisOrder:
    """A permutation of array axes with flips; exactly invertible, and always a view.

    Args:
        axes: New axis a is old axis axes[a].
        flipped: Whether new axis a runs against the old one.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def view(self, array: NDArray[Any]) -> NDArray[Any]:
        """Reorder the last three axes of an array; a view, so writing to it writes to `array`."""
        lead = array.ndim - 3
        permuted = array.transpose(*range(lead), *(lead + axis for axis in self.axes))
        a, b, c = (slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return permuted[..., a, b, c]

    def inverse(self) -> AxisOrder:
        """Return the order that undoes this one."""
        axes = tuple(self.axes.index(axis) for axis in range(3))
        i, j, k = axes
        return AxisOrder((i, j, k), (self.flipped[i], self.flipped[j], self.flipped[k]))

    def grid(self, grid: Grid) -> Grid:
        """Return the grid of `view`: every voxel keeps its place in the patient."""
        shape = np.asarray(grid.shape)[list(self.axes)]
        transform = np.zeros((4, 4))
        transform[3, 3] = 1
        for axis, (old, flip) in enumerate(zip(self.axes, self.flipped, strict=True)):
            transform[old, axis] = -1 if flip else 1
            transform[old, 3] = shape[axis] - 1 if flip else 0
        i, j, k = (int(n) for n in shape)
        return Grid((i, j, k), grid.affine @ transform)


def axis_order(grid: Grid, orientation: str = "RAS") -> AxisOrder:
    """Find the order that brings a grid to an orientation.

    Args:
        grid: Any of the 48 storage orders, oblique or not.
        orientation: Directions in which the new axes grow, e.g. "RAS".

    Raises:
        GeometryError: `orientation` is not three different axes.
    """
    wanted = [WORLD_DIRECTIONS.get(letter, (None, 0)) for letter in orientation]
    if sorted(world for world, _ in wanted if world is not None) != [0, 1, 2]:
        raise GeometryError(f"{orientation!r} is no orientation", remedy='three letters such as "RAS"')
    found = grid.axis_directions()
    axis_of = {world: axis for axis, (world, _) in enumerate(found)}
    i, j, k = (axis_of[int(world or 0)] for world, _ in wanted)
    f, g, h = (found[axis][1] != sign for axis, (_, sign) in zip((i, j, k), wanted, strict=True))
    return AxisOrder((i, j, k), (f, g, h))


def axis_order_between(source: Grid, target: Grid) -> AxisOrder | None:
    """Find the order that brings one grid onto another, where they hold the same voxels.

    Returns:
        None when it would take more than swapping and flipping axes, or the two grids do not cover the same voxels.
    """
    order = axis_order_along(source, target)
    return order if order is not None and order.grid(source).same_as(target) else None


def axis_order_along(source: Grid, target: Grid) -> AxisOrder | None:
    """Find the order that brings the axes of one grid along those of another; None if there is none."""
    steps = np.linalg.solve(source.affine[:3, :3], target.affine[:3, :3])
    whole = np.rint(steps)
    # Rows and columns of a permutation with flips have exactly one entry, 1 or -1.
    if np.abs(steps - whole).max() > WHOLE_STEP_TOLERANCE or not np.array_equal(np.abs(whole @ whole.T), np.eye(3)):
        return None
    i, j, k = (int(axis) for axis in np.abs(whole).argmax(axis=0))
    return AxisOrder((i, j, k), (bool(whole[i, 0] < 0), bool(whole[j, 1] < 0), bool(whole[k, 2] < 0)))
