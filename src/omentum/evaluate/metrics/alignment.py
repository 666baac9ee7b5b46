"""Bringing a prediction onto the reference's grid where that is exact: axes swapped or turned round, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.axis_order import axis_order_between
from omentum.errors import GeometryError
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Grid


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
    order = axis_order_between(source, target)
    if order is None:
        raise different_grids(source, target)
    first, last = (0, 1, 2), (-3, -2, -1)
    return np.moveaxis(order.view(np.moveaxis(voxels, first, last)), last, first)


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


def different_grids(ours: Grid, theirs: Grid) -> GeometryError:
    """The error that says so, naming both."""
    return GeometryError(
        f"prediction and reference lie on different grids: {ours} against {theirs}",
        remedy="evaluation never resamples; segment the CT the reference was drawn on",
    )
