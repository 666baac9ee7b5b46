"""Masks brought to the grid of the DICOM images, where the CT was resampled from a tilted gantry."""

from __future__ import annotations

import numpy as np

from omentum.segmentation import Segmentation, no_bits
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
    index = np.linalg.inv(seg.affine) @ grid.affine
    columns, rows, slices = grid.shape
    i, j = np.ogrid[:columns, :rows]
    bits = no_bits(len(seg.classes), grid.shape)
    for k in range(slices):
        at = [np.floor(row[0] * i + row[1] * j + row[2] * k + row[3] + 0.5).astype(np.int64) for row in index[:3]]
        inside = np.logical_and.reduce([(a >= 0) & (a < n) for a, n in zip(at, seg.shape, strict=True)])
        near = [a.clip(0, n - 1) for a, n in zip(at, seg.shape, strict=True)]
        bits[..., k] = np.where(inside, seg.bits[:, near[0], near[1], near[2]], 0)
    return Segmentation(bits, grid.affine, seg.classes, seg.annotated, seg.header)
