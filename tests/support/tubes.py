"""Tubes whose diameters are known exactly, sampled on any grid."""

from __future__ import annotations

import numpy as np

from omentum.segmentation import Segmentation
from omentum.volume import Grid


def straight_tube(
    grid: Grid, radius_mm: float, direction, length_mm: float = 1e6, squash: float = 1.0, centre=(0.0, 0.0, 0.0)
) -> np.ndarray:
    """A tube with flat ends; `squash` makes its section an ellipse, so many times as wide one way."""
    along = np.array(direction) / np.linalg.norm(direction)
    x = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)) - centre
    first = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    first /= np.linalg.norm(first)
    across = np.stack([x @ first / squash, x @ np.cross(along, first)])
    return (np.square(across).sum(axis=0) <= radius_mm**2) & (np.abs(x @ along) <= length_mm / 2)


def arch(grid: Grid, radius_mm: float, bend_mm: float, descending_mm: float) -> np.ndarray:
    """Half a ring upwards, its left leg going on straight down: as the aorta does."""
    x, y, z = np.moveaxis(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    ring = (np.hypot(x, z) - bend_mm) ** 2 + y**2 <= radius_mm**2
    leg = ((x + bend_mm) ** 2 + y**2 <= radius_mm**2) & (z <= 0) & (z >= -descending_mm)
    return (ring & (z >= 0)) | leg


def as_aorta(mask: np.ndarray, grid: Grid) -> Segmentation:
    """A segmentation of nothing else."""
    return Segmentation.from_masks({"aorta": mask}, grid.affine)


def centred(shape, affine) -> Grid:
    """The grid with the world's origin in its middle."""
    affine = np.array(affine, float)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(tuple(shape), affine)
