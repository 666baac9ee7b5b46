"""The outline of a mask in a slice, smooth to the eye: rounding the voxels' corners moves it by less than half a voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SMOOTHING_VOXELS = 0.5
_PAD = 2

SIMPLER_BY = 0.3
"""Corners of an outline that leave its line by less than this many units of the picture are dropped."""


@dataclass(frozen=True, eq=False)
class Field:
    """A function on the pixels around a mask that is above `level` inside its outline.

    Args:
        values: float32, shape (rows, columns) of the part around the mask.
        level: Where the outline runs.
        corner: Row and column of the picture where `values` begins.
    """

    values: NDArray[np.float32]
    level: float
    corner: tuple[int, int]


def field_around(mask: NDArray[np.bool_]) -> Field:
    """The field of a mask of shape (rows, columns) that is not empty."""
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    cut = np.pad(mask[rows, columns], _PAD).astype(np.float32)
    values = ndimage.gaussian_filter(cut, SMOOTHING_VOXELS)
    return Field(values, 0.5 * float(values.max()), (rows.start - _PAD, columns.start - _PAD))


def svg_path(mask: NDArray[np.bool_], pixel_units: tuple[float, float]) -> str:
    """The outline as SVG path data in whole units, holes included.

    Args:
        mask: Shape (rows, columns), not empty.
        pixel_units: Height and width of a pixel in units of the picture, whose origin is its upper left corner.
    """
    from contourpy import contour_generator

    field = field_around(mask)
    height, width = pixel_units
    pieces = []
    for line in contour_generator(z=field.values).lines(field.level):
        units = (np.asarray(line) + (field.corner[1] + 0.5, field.corner[0] + 0.5)) * (width, height)
        pieces.append(_closed(_simpler(units)))
    return "".join(pieces)


def _simpler(units: NDArray[np.float64]) -> NDArray[np.int64]:
    """Fewer corners, on whole units."""
    from matplotlib.path import Path

    path = Path(units)
    path.should_simplify, path.simplify_threshold = True, SIMPLER_BY  # type: ignore[assignment]
    corners = np.asarray(path.cleaned(simplify=True).vertices)[:-1]  # the last is the mark of the path's end
    return np.rint(corners).astype(np.int64)


def _closed(corners: NDArray[np.int64]) -> str:
    steps = np.diff(corners, axis=0)
    steps = steps[steps.any(axis=1)]
    x, y = corners[0].tolist()
    return f"M{x} {y}l{' '.join(map(str, steps.ravel().tolist()))}z" if len(steps) > 1 else ""
