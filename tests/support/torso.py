"""A torso of few, large voxels in air, for rules that need to know left from right."""

from __future__ import annotations

import numpy as np

from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (30, 12, 16)
SPACING_MM = (10.0, 9.0, 11.0)
"""About a millilitre a voxel."""
MIDDLE = 15
"""First voxel along x on the right of the middle."""


def torso_affine(spacing_mm=SPACING_MM, shape=SHAPE) -> np.ndarray:
    """RAS+, the middle of the grid somewhere off the origin."""
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing_mm + (37.0, -12.0, 900.0)
    return affine


def torso_ct(affine=None) -> Volume:
    """Soft tissue with air at both flanks."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[2:-2, 1:-1] = 40
    return Volume(hu, torso_affine() if affine is None else affine)


def block(*bounds: tuple[int, int]) -> np.ndarray:
    """A box of voxels."""
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(*b) for b in bounds)] = True
    return mask


def torso_masks(**masks: np.ndarray) -> Segmentation:
    """Masks on the torso's grid, in the order given."""
    return Segmentation.from_masks(masks, torso_affine())
