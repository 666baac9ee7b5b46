"""A body of ellipsoids whose HU fall in the bands of `threshold_model`, sampled on any grid; asymmetric on purpose."""

from __future__ import annotations

import numpy as np

from omentum.volume import Grid, Volume

AIR_HU, FAT_HU = -1000, -100
ELLIPSOIDS_MM = {
    "liver": ((28, 6, 10), (18, 22, 20), 100),
    "left_kidney": ((-30, -14, -16), (10, 11, 16), 150),
    "right_kidney": ((26, -24, -22), (11, 8, 13), 200),
    "liver_tumour": ((-6, 20, 24), (9, 8, 10), 60),
}
"""Centre and half axes in RAS+ mm, and HU."""


def truth_mask(key: str, grid: Grid) -> np.ndarray:
    """Exact mask of one ellipsoid on a grid."""
    return _inside(grid, *ELLIPSOIDS_MM[key][:2])


def banded_ct(grid: Grid) -> Volume:
    """int16 HU."""
    hu = np.full(grid.shape, AIR_HU, np.int16)
    hu[_inside(grid, (0, 0, 0), (56, 46, 52))] = FAT_HU
    for centre, axes, value in ELLIPSOIDS_MM.values():
        hu[_inside(grid, centre, axes)] = value
    return Volume(hu, grid.affine)


def centroid_mm(mask, grid: Grid) -> np.ndarray:
    """Centre of a mask, RAS+ mm."""
    return grid.to_world(np.argwhere(mask)).mean(axis=0)


def ras_grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(120, 100, 112)) -> Grid:
    """Axis-aligned, centred on the origin."""
    shape = tuple(round(e / s) for e, s in zip(extent_mm, spacing_mm, strict=True))
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing_mm
    return Grid(shape, affine)


def rotated(grid: Grid, degrees: float) -> Grid:
    """The grid turned about the patient's long axis and a little about the left-right axis."""
    a, b = np.deg2rad(degrees), np.deg2rad(degrees / 2)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn = np.eye(4)
    turn[:3, :3] = about_z @ about_x
    return Grid(grid.shape, turn @ grid.affine)


def stored(grid: Grid, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Grid:
    """The same voxels in another storage order."""
    shape = tuple(grid.shape[axis] for axis in axes)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        turn[old, new] = -1 if flip else 1
        turn[old, 3] = shape[new] - 1 if flip else 0
    return Grid(shape, grid.affine @ turn)


def _inside(grid: Grid, centre, axes) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return (((grid.to_world(index) - centre) / axes) ** 2).sum(-1) <= 1
