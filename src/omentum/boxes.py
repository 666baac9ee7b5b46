"""Boxes of voxels: index ranges along i, j, k, and their arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.volume import Grid

Box = tuple[slice, slice, slice]
"""Index ranges along i, j, k; starts and stops are numbers."""


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all (at least one)."""
    i, j, k = (slice(min(s.start for s in along), max(s.stop for s in along)) for along in zip(*boxes, strict=True))
    return i, j, k


def grown(box: Box, voxels: Sequence[int], shape: tuple[int, int, int]) -> Box:
    """The box with so many voxels more at either end of each axis, as far as the image goes."""
    i, j, k = (slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(box, voxels, shape, strict=True))
    return i, j, k


def grown_mm(box: Box, margin_mm: float, grid: Grid) -> Box:
    """The box with at least so many millimetres around it, as far as the image goes."""
    return grown(box, [int(np.ceil(margin_mm / mm)) + 1 for mm in grid.spacing_mm], grid.shape)


def shifted(inner: Box, outer: Box) -> Box:
    """A box given in the voxels of another box, in the image's own."""
    i, j, k = (slice(a.start + b.start, a.stop + b.start) for a, b in zip(inner, outer, strict=True))
    return i, j, k


def relative(inner: Box, outer: Box) -> Box:
    """A box given in the image's voxels, in those of another box around it."""
    i, j, k = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return i, j, k


def cut(volume: Any, start: Sequence[int], size: Sequence[int], beyond: int) -> NDArray[Any]:
    """Part of a volume; what lies outside it is filled.

    Args:
        volume: [x, y, z], an array or anything sliced like one.
        start: First voxel; may be negative or past the end.
        size: Voxels along each axis.
        beyond: The filling.
    """
    low = [max(0, s) for s in start]
    high = [min(n, s + length) for n, s, length in zip(volume.shape, start, size, strict=True)]
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    if all(b - a == length for a, b, length in zip(low, high, size, strict=True)):
        return np.asarray(volume[source])
    out = np.full(size, beyond, volume.dtype)
    if all(a < b for a, b in zip(low, high, strict=True)):
        out[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))] = volume[source]
    return out
