"""Masks brought to the grid of the DICOM images, where the CT was resampled from a tilted gantry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.segmentation import Segmentation
from omentum.volume import Grid


def on_images(seg: Segmentation, grid: Grid) -> Segmentation:
    """Masks on another grid, by the nearest voxel; outside of theirs there is nothing.

    Args:
        seg: The masks.
        grid: Grid of the images, possibly sheared.

    Returns:
        The same object if it is on that grid already.
    """
    if seg.grid.same_as(grid):
        return seg
    bits = nearest(seg.bits, seg.grid, grid)
    return Segmentation(bits, grid.affine, seg.classes, seg.annotated, seg.header)


def nearest(voxels: NDArray[Any], own: Grid, grid: Grid) -> NDArray[Any]:
    """Values at the nearest voxels, 0 outside.

    Args:
        voxels: [..., i, j, k] on `own`.
        own: Grid of the voxels.
        grid: Another grid.
    """
    index = np.linalg.inv(own.affine) @ grid.affine
    columns, rows, slices = grid.shape
    i, j = np.ogrid[:columns, :rows]
    # Slices are contiguous in memory, since they come one by one.
    out = np.zeros((slices, *voxels.shape[:-3], columns, rows), voxels.dtype)
    for k in range(slices):
        at = [np.floor(row[0] * i + row[1] * j + row[2] * k + row[3] + 0.5).astype(np.int64) for row in index[:3]]
        inside = np.logical_and.reduce([(a >= 0) & (a < n) for a, n in zip(at, own.shape, strict=True)])
        a, b, c = (a.clip(0, n - 1) for a, n in zip(at, own.shape, strict=True))
        out[k] = np.where(inside, voxels[..., a, b, c], 0)
    return np.moveaxis(out, 0, -1)
