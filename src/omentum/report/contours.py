"""Smooth outline of a mask in a slice: corners of voxels are rounded by less than half a voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SMOOTHING_VOXELS = 0.5
_PAD = 2

Fineness = tuple[int, int]
SMOOTH_MM, MOST_FINENESS = 1.0, 6
"""Outlines are upsampled to pixels of about this size, by at most this factor."""

SIMPLER_BY = 0.3
"""Vertices that deviate from a straight outline by less than this many picture units are removed."""


@dataclass(frozen=True, eq=False)
class Field:
    """Scalar field around a mask that is above `level` inside the outline.

    Args:
        values: float32, shape (rows, columns), of the region around the mask.
        level: Iso-level of the outline.
        rows, columns: Positions of the values, in pixels from the upper left corner of the picture.
    """

    values: NDArray[np.float32]
    level: float
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]


def field_around(mask: NDArray[np.bool_], finer: Fineness = (1, 1)) -> Field:
    """Compute the field of a mask.

    Args:
        mask: One slice, bool, shape (rows, columns), not empty.
        finer: Values per pixel along rows and columns, by cubic splines, so that large pixels do not give angular
            outlines.
    """
    rows, columns = (slice(hit[0], hit[-1] + 1) for hit in (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)))
    cut = np.pad(mask[rows, columns], _PAD).astype(np.float32)
    values = ndimage.gaussian_filter(cut, SMOOTHING_VOXELS)
    level = 0.5 * float(values.max())
    if max(finer) > 1:
        values = ndimage.zoom(values, [((n - 1) * f + 1) / n for n, f in zip(values.shape, finer, strict=True)])
    at_rows, at_columns = (
        np.arange(n) / f + first - _PAD + 0.5
        for n, f, first in zip(values.shape, finer, (rows.start, columns.start), strict=True)
    )
    return Field(values, level, at_rows, at_columns)


def fineness(pixel_mm: tuple[float, float]) -> Fineness:
    """Upsampling factors of the field for pixels of this size."""
    height, width = (min(MOST_FINENESS, max(1, round(mm / SMOOTH_MM))) for mm in pixel_mm)
    return height, width


def svg_path(mask: NDArray[np.bool_], pixel_units: tuple[float, float], finer: Fineness = (1, 1)) -> str:
    """Outline as SVG path data in integer units, holes included.

    Args:
        mask: Bool, shape (rows, columns), not empty.
        pixel_units: Height and width of a pixel in picture units, origin at the upper left corner.
        finer: See `field_around`.
    """
    from contourpy import contour_generator

    height, width = pixel_units
    field = field_around(mask, finer)
    lines = contour_generator(field.columns * width, field.rows * height, field.values).lines(field.level)
    return "".join(_closed(_simpler(np.asarray(line))) for line in lines)


def _simpler(units: NDArray[np.float64]) -> NDArray[np.int64]:
    """Remove vertices that do not matter at integer resolution."""
    from matplotlib.path import Path

    path = Path(units)
    path.should_simplify, path.simplify_threshold = True, SIMPLER_BY
    corners = np.asarray(path.cleaned(simplify=True).vertices)[:-1]  # the last vertex closes the path
    return np.asarray(np.rint(corners).astype(np.int64))


def _closed(corners: NDArray[np.int64]) -> str:
    steps = np.diff(corners, axis=0)
    steps = steps[steps.any(axis=1)]
    x, y = corners[0].tolist()
    return f"M{x} {y}l{' '.join(map(str, steps.ravel().tolist()))}z" if len(steps) > 1 else ""
