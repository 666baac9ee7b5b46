"""Series of a tilted gantry on an upright grid: the shear between slices undone.

Slices of a tilted gantry are parallel, but each lies a little sideways of the one before. Every slice is moved within
its own plane, by linear interpolation; slice k of the upright grid stays in the plane of slice k of the series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.volume import PADDING_HU, Grid

MOST_DEGREES = 45.0
"""No gantry tilts further (about 30 degrees is usual): such positions are wrong."""
_DECIMALS = 6
"""Of a pixel; more are noise."""


def tilt_corrected_grid(tilted: Grid) -> Grid:
    """The smallest grid in the planes of the slices that has all of them, with slices right behind each other.

    Args:
        tilted: Grid of the slices as they are; its third axis is not normal to the others.
    """
    offsets = _offsets(tilted)
    low, high = np.floor(offsets.min(axis=0)).astype(int), np.ceil(offsets.max(axis=0)).astype(int)
    affine = tilted.affine.copy()
    affine[:3, 2] -= tilted.affine[:3, :2] @ _sideways(tilted)
    affine[:3, 3] += tilted.affine[:3, :2] @ low
    columns, rows = np.array(tilted.shape[:2]) + high - low
    return Grid((int(columns), int(rows), tilted.shape[2]), affine)


def tilt_corrected(voxels: NDArray[Any], tilted: Grid, upright: Grid) -> NDArray[Any]:
    """Voxels of the tilted grid on the upright one.

    Args:
        voxels: Shape of `tilted`, in HU.
        tilted: See `tilt_corrected_grid`.
        upright: Made by it.

    Returns:
        The same type; integers are rounded, voxels beside the slices are air.
    """
    out = np.empty(upright.shape, voxels.dtype, order="F")
    offsets = _offsets(tilted)
    for k, (column, row) in enumerate(offsets - np.floor(offsets.min(axis=0))):
        moved = _moved(
            _moved(voxels[:, :, k].astype(np.float32), 0, column, upright.shape[0]), 1, row, upright.shape[1]
        )
        out[:, :, k] = moved if voxels.dtype.kind == "f" else np.rint(moved)
    return out


def _sideways(tilted: Grid) -> NDArray[np.float64]:
    """How far each slice lies beside the one before, in columns and rows."""
    columns_and_rows, *_ = np.linalg.lstsq(tilted.affine[:3, :2], tilted.affine[:3, 2], rcond=None)
    return np.asarray(columns_and_rows, np.float64)


def _offsets(tilted: Grid) -> NDArray[np.float64]:
    """How far each slice lies beside the first, in columns and rows, without rounding errors around whole ones."""
    return np.round(np.arange(tilted.shape[2])[:, np.newaxis] * _sideways(tilted), _DECIMALS)


def _moved(image: NDArray[np.float32], axis: int, by: float, size: int) -> NDArray[np.float32]:
    """An image moved along an axis to places from `by` on, in `size` places of which the others are air."""
    whole = int(np.floor(by))
    part = np.float32(by - whole)
    out = np.full((size, image.shape[1]) if axis == 0 else (image.shape[0], size), PADDING_HU, np.float32)
    lines, placed = np.moveaxis(image, axis, 0), np.moveaxis(out, axis, 0)
    n = len(lines)
    placed[whole : whole + n] = lines
    if part > 0:
        # Place p has what lay at p - by: between p - whole - 1 and p - whole. Beyond the first line lies air.
        placed[whole + 1 : whole + n] = (1 - part) * lines[1:] + part * lines[:-1]
        placed[whole] = (1 - part) * lines[0] + part * PADDING_HU
        if whole + n < size:
            placed[whole + n] = (1 - part) * PADDING_HU + part * lines[-1]
    return out
