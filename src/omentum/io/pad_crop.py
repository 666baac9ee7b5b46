"""Masks padded and cropped to another extent of the same voxels, without interpolation."""

from __future__ import annotations

import numpy as np

from omentum.axis_order import axis_order_along
from omentum.errors import warn_of_case
from omentum.segmentation import Segmentation, no_bits
from omentum.volume import GRID_TOLERANCE_MM, Grid


def pad_or_crop(seg: Segmentation, grid: Grid) -> Segmentation:
    """The same masks on a grid with the same voxels but another extent, order or direction of axes.

    A DICOM segmentation has no frames where there is nothing, so that its own grid ends with its masks. Voxels outside
    of the new grid are left out with a warning.

    Args:
        seg: The masks.
        grid: The new grid, usually that of the CT.

    Returns:
        The masks unchanged where the voxels of the two grids do not coincide.
    """
    if seg.grid.same_as(grid) or (order := axis_order_along(seg.grid, grid)) is None:
        return seg
    turned, bits = order.grid(seg.grid), order.view(seg.bits)
    first = np.linalg.solve(grid.affine, turned.affine[:, 3])[:3]
    start = np.rint(first).astype(int)
    if np.abs((first - start) * grid.spacing_mm).max() > GRID_TOLERANCE_MM:
        return seg
    out = no_bits(len(seg.classes), grid.shape).astype(seg.bits.dtype, copy=False)
    spans = [(max(0, s), min(n, s + m)) for s, n, m in zip(start, grid.shape, turned.shape, strict=True)]
    if all(low < high for low, high in spans):
        there = tuple(slice(low, high) for low, high in spans)
        here = tuple(slice(low - s, high - s) for (low, high), s in zip(spans, start, strict=True))
        out[:, *there] = bits[:, *here]
    if (lost := np.count_nonzero(bits) - np.count_nonzero(out)) > 0:
        warn_of_case(f"{lost} voxels of masks lie outside of the CT, left out")
    return Segmentation(out, grid.affine, seg.classes, seg.annotated, seg.header)  # type: ignore[arg-type]
