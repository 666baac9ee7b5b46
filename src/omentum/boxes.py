"""Boxes of voxels: index ranges along the axes of an array, and their arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.volume import Grid

Box = tuple[slice, slice, slice]
"""Index ranges along i, j, k; starts and stops are numbers, so that a box indexes an array."""
Triple = tuple[int, int, int]


def box_of(start: Sequence[int], stop: Sequence[int]) -> Box:
    """Make a box from its first voxel and one past its last, along each axis."""
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return i, j, k


def starts(box: Box) -> Triple:
    """First voxel along each axis."""
    i, j, k = box
    return i.start, j.start, k.start


def stops(box: Box) -> Triple:
    """One past the last voxel along each axis."""
    i, j, k = box
    return i.stop, j.stop, k.stop


def bounding_box(mask: NDArray[np.bool_]) -> Box:
    """The smallest box that holds every true voxel of a mask [x, y, z]; the whole array where there is none."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1) if len(hit) else slice(0, mask.shape[axis]))
    i, j, k = spans
    return i, j, k


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that encloses all given boxes (at least one)."""
    i, j, k = (slice(min(s.start for s in along), max(s.stop for s in along)) for along in zip(*boxes, strict=True))
    return i, j, k


def around_points(points: NDArray[np.float64], margins: Sequence[float], shape: Triple) -> Box | None:
    """The smallest box of whole voxels around points with a margin, clipped to the image; None where none is left.

    Args:
        points: (n, 3), in voxels of the image.
        margins: In voxels along each axis.
        shape: Of the image.
    """
    low = np.floor(points.min(axis=0) - margins).astype(int).clip(0, shape)
    high = (np.ceil(points.max(axis=0) + margins).astype(int) + 1).clip(0, shape)
    return None if (low >= high).any() else box_of(low, high)


def grown(box: Box, voxels: Sequence[int], shape: Triple) -> Box:
    """Enlarge a box by a number of voxels at both ends of each axis, clipped to the image."""
    i, j, k = (slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(box, voxels, shape, strict=True))
    return i, j, k


def grown_mm(box: Box, margin_mm: float, grid: Grid) -> Box:
    """Enlarge a box by at least `margin_mm` on every side, clipped to the image."""
    return grown(box, [int(np.ceil(margin_mm / mm)) + 1 for mm in grid.spacing_mm], grid.shape)


def shifted(inner: Box, outer: Box) -> Box:
    """Express a box given in voxels of `outer` in voxels of the image."""
    i, j, k = (slice(a.start + b.start, a.stop + b.start) for a, b in zip(inner, outer, strict=True))
    return i, j, k


def relative(inner: Box, outer: Box) -> Box:
    """Express a box given in voxels of the image in voxels of `outer`, a box around it."""
    i, j, k = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return i, j, k


def corner_points(box: Box) -> NDArray[np.float64]:
    """Centres of the corner voxels of a box, float64 (8, 3), in voxels."""
    return np.array(list(itertools.product(*((s.start, s.stop - 1) for s in box))), np.float64)


def cropped_grid(grid: Grid, box: Box) -> Grid:
    """The grid of the part of an image that a box holds."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(starts(box))
    i, j, k = (s.stop - s.start for s in box)
    return Grid((i, j, k), affine)


def cut(volume: Any, start: Sequence[int], size: Sequence[int], beyond: int) -> NDArray[Any]:
    """Copy a part of a volume that may reach beyond it.

    Args:
        volume: [x, y, z], an array or anything sliced like one.
        start: First voxel; may be negative or past the end.
        size: Voxels along each axis.
        beyond: Value of voxels outside the volume.

    Returns:
        [*size], dtype of the volume; a view where all of it lies inside.
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
