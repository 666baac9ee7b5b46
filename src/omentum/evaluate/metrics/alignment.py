"""Bringing a prediction onto the reference's grid where that is exact: axes swapped or turned round, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Grid

TURN_TOLERANCE = 0.01
"""How far the turn from one grid to the other may be from swapping and flipping axes (fractions of a voxel)."""


def aligned(segmentation: Segmentation, grid: Grid) -> Segmentation:
    """The same voxels in the axis order and direction of `grid`; a view, nothing is interpolated.

    Raises:
        GeometryError: the two are not the same set of voxels, so that resampling would be needed.
    """
    if segmentation.grid.same_as(grid):
        return segmentation
    bits = np.moveaxis(turned(np.moveaxis(segmentation.bits, 0, -1), segmentation.grid, grid), -1, 0)
    return Segmentation(bits, grid.affine, segmentation.classes, segmentation.annotated)


def turned(voxels: NDArray[Any], source: Grid, target: Grid) -> NDArray[Any]:
    """An array (i, j, k, ...) on one grid in the axis order and direction of another one; a view.

    Raises:
        GeometryError: as for `aligned`.
    """
    order, signs = _turn(source, target)
    there = voxels.transpose(*order, *range(3, voxels.ndim))[tuple(slice(None, None, s) for s in signs)]
    if not Grid(there.shape[:3], _turned_affine(source, order, signs)).same_as(target):
        raise different_grids(source, target)
    return there


def with_unions(segmentation: Segmentation, unions: Mapping[str, Iterable[str]]) -> Segmentation:
    """Count the voxels of some structures as another's as well, e.g. {"colon": ["rectum"]}.

    For references that know one name for what we keep apart. Structures the segmentation does not have are ignored.
    """
    bits = segmentation.bits.copy()
    for key, parts in unions.items():
        if key in segmentation.classes:
            plane, bit = divmod(segmentation.classes.index(key), BITS_PER_PLANE)
            for part in set(parts) & set(segmentation.classes):
                bits[plane][segmentation.mask(part)] |= bits.dtype.type(1 << bit)
    return Segmentation(bits, segmentation.affine, segmentation.classes, segmentation.annotated, segmentation.header)


def _turn(source: Grid, target: Grid) -> tuple[list[int], list[int]]:
    """For each target axis: the source axis that runs along it, and whether in its direction."""
    steps = np.linalg.solve(source.affine[:3, :3], target.affine[:3, :3])
    whole = np.rint(steps)
    # Rows and columns of a swap-and-flip have exactly one entry, 1 or -1.
    if np.abs(steps - whole).max() > TURN_TOLERANCE or not np.array_equal(np.abs(whole @ whole.T), np.eye(3)):
        raise different_grids(source, target)
    order = np.abs(whole).argmax(axis=0)
    return order.tolist(), [int(whole[a, t]) for t, a in enumerate(order)]


def _turned_affine(grid: Grid, order: list[int], signs: list[int]) -> np.ndarray:
    affine = grid.affine.copy()
    last = np.array(grid.shape) - 1
    first = np.zeros(3)
    for target, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        affine[:3, target] = sign * grid.affine[:3, axis]
        first[axis] = 0 if sign > 0 else last[axis]
    affine[:3, 3] = grid.to_world(first)
    return affine


def different_grids(ours: Grid, theirs: Grid) -> GeometryError:
    """The error that says so, naming both."""
    return GeometryError(
        f"prediction and reference lie on different grids: {_described(ours)} against {_described(theirs)}",
        remedy="evaluation never resamples; segment the CT the reference was drawn on",
    )


def _described(grid: Grid) -> str:
    shape = " x ".join(str(n) for n in grid.shape)
    spacing = " x ".join(f"{mm:.4g}" for mm in grid.spacing_mm)
    origin = ", ".join(f"{mm:.1f}" for mm in grid.affine[:3, 3])
    return f"{shape} voxels of {spacing} mm, {grid.orientation}, origin ({origin}) mm"
