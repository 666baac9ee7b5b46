"""Exact reorientation of a prediction to the grid of the reference: permuted or flipped axes only."""

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
    """The same voxels in axis order and direction of `grid`; a view, without interpolation.

    Raises:
        GeometryError: the grids do not have the same set of voxels, so resampling would be needed.
    """
    if segmentation.grid.same_as(grid):
        return segmentation
    bits = np.moveaxis(reoriented(np.moveaxis(segmentation.bits, 0, -1), segmentation.grid, grid), -1, 0)
    return Segmentation(bits, grid.affine, segmentation.classes, segmentation.annotated)


def reoriented(voxels: NDArray[Any], source: Grid, target: Grid) -> NDArray[Any]:
    """View of an array (i, j, k, ...) in the axis order and direction of another grid.

    Raises:
        GeometryError: as for `aligned`.
    """
    order = axis_order_between(source, target)
    if order is None:
        raise different_grids(source, target)
    first, last = (0, 1, 2), (-3, -2, -1)
    return np.moveaxis(order.view(np.moveaxis(voxels, first, last)), last, first)


def with_unions(segmentation: Segmentation, unions: Mapping[str, Iterable[str]]) -> Segmentation:
    """Merge some structures into another one, e.g. {"colon": ["rectum"]}.

    Used for references with one name for several of our structures. Missing structures are ignored.
    """
    bits = segmentation.bits.copy()
    for key, parts in unions.items():
        if key in segmentation.classes:
            plane, bit = divmod(segmentation.classes.index(key), BITS_PER_PLANE)
            for part in set(parts) & set(segmentation.classes):
                bits[plane][segmentation.mask(part)] |= bits.dtype.type(1 << bit)
    return Segmentation(bits, segmentation.affine, segmentation.classes, segmentation.annotated, segmentation.header)


def different_grids(ours: Grid, theirs: Grid) -> GeometryError:
    """Error that names both grids."""
    return GeometryError(
        f"prediction and reference lie on different grids: {ours} against {theirs}",
        remedy="evaluation never resamples; segment the CT the reference was drawn on",
    )
