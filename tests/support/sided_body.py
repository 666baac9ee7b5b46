"""A body of ellipsoids given in the patient (RAS+ mm), drawn on whatever grid is asked for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from strategies import storage_affine

from omentum.volume import Grid

Ellipsoid = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Centre and half axes."""

TRUNK: Ellipsoid = ((0, 0, 0), (165, 110, 400))
SPINE: Ellipsoid = ((0, -70, 0), (20, 22, 400))
RIGHT_KIDNEY: Ellipsoid = ((60, -40, -70), (27, 27, 50))
LEFT_KIDNEY: Ellipsoid = ((-64, -40, -60), (27, 27, 50))
RIGHT_LUNG: Ellipsoid = ((75, 0, 80), (60, 80, 70))
LEFT_LUNG: Ellipsoid = ((-72, 0, 80), (56, 78, 70))
RIGHT_ADRENAL: Ellipsoid = ((35, -30, 5), (12, 8, 14))
LEFT_ADRENAL: Ellipsoid = ((-42, -30, 2), (12, 8, 14))
SPACING_MM = (5.8, 5.0, 5.5)


def grid_around(
    axes: tuple[int, ...] = (0, 1, 2),
    signs: tuple[int, ...] = (1, 1, 1),
    tilt: tuple[float, ...] = (0, 0, 0),
    middle_mm: tuple[float, float, float] = (0, 0, 0),
    half_mm: tuple[float, float, float] = (190, 130, 160),
) -> Grid:
    """A grid in any storage order, tilted by degrees, around a point of the patient."""
    affine = storage_affine(axes, signs, [SPACING_MM[axis] for axis in axes])
    affine[:3, :3] = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix() @ affine[:3, :3]
    shape = tuple(int(2 * half_mm[axis] / SPACING_MM[axis]) for axis in axes)
    affine[:3, 3] = np.array(middle_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def drawn(grid: Grid, *shapes: Ellipsoid) -> NDArray[np.bool_]:
    """Voxels in any of the ellipsoids."""
    at = grid.to_world(np.stack(np.indices(grid.shape), axis=-1))
    inside = np.zeros(grid.shape, bool)
    for centre, half in shapes:
        inside |= (((at - centre) / np.array(half)) ** 2).sum(-1) <= 1
    return inside


def hu_of(grid: Grid, lungs: Iterable[Ellipsoid] = (RIGHT_LUNG, LEFT_LUNG)) -> NDArray[np.int16]:
    """A CT of the trunk with its spine."""
    hu = np.where(drawn(grid, TRUNK), 40, -1000).astype(np.int16)
    hu[drawn(grid, *lungs)] = -850
    hu[drawn(grid, SPINE)] = 400
    return hu
