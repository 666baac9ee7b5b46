"""Surface area of a mask by the Crofton formula, with the 13 directions of a voxel's neighbours.

The area is twice the mean, over all directions, of the number of crossings of parallel lines with the surface, times
the area per line. The lines run through voxel centres towards each neighbour. Each direction is weighted by the area of
its Voronoi cell on the unit sphere, which corrects for anisotropic spacing and shear. The area of balls is accurate
within 2 % from 10 voxels in diameter and 6 % from 5; counting voxel faces overestimates it by 50 % on any grid.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import SphericalVoronoi

from omentum.boxes import Box, grown
from omentum.segmentation import Segmentation
from omentum.volume import Affine

STEPS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]
"""One of each pair of opposite neighbour steps."""


def surface_mm2(seg: Segmentation, key: str, box: Box) -> float:
    """Surface area of a structure in mm²; faces at the border of the image do not count.

    Args:
        seg: Segmentation that holds the structure.
        key: Structure key.
        box: Bounding box of the structure, in voxels.
    """
    mask = seg.mask(key, grown(box, (1, 1, 1), seg.shape))
    lines = _area_per_line_mm2(seg.affine)
    return float(2 * sum(per_line * _crossings(mask, step) for step, per_line in zip(STEPS, lines, strict=True)))


def _crossings(mask: NDArray[np.bool_], step: tuple[int, ...]) -> int:
    """Number of voxel pairs one step apart with one inside and one outside."""
    ahead = mask[tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(step, mask.shape, strict=True))]
    behind = mask[tuple(slice(max(-s, 0), n + min(-s, 0)) for s, n in zip(step, mask.shape, strict=True))]
    return int(np.count_nonzero(ahead ^ behind))


def _area_per_line_mm2(affine: Affine) -> NDArray[np.float64]:
    """For each step direction, its share of the sphere times the area per line, in mm²."""
    steps_mm = np.array(STEPS) @ affine[:3, :3].T
    lengths_mm = np.linalg.norm(steps_mm, axis=1)
    directions = steps_mm / lengths_mm[:, None]
    cells = SphericalVoronoi(np.concatenate([directions, -directions])).calculate_areas()
    share = cells.reshape(2, -1).sum(axis=0) / cells.sum()
    return np.asarray(share * abs(np.linalg.det(affine[:3, :3])) / lengths_mm)
