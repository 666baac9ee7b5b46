"""Surface area of a mask, by the Crofton formula on the 13 directions of a voxel's neighbours.

The area of a surface is twice the mean, over all directions, of how many lines of that direction cross a unit of area
times how often they cross the surface. Lines through voxel centres towards each neighbour are such lines, weighted by
the share of the sphere their direction stands for (its Voronoi cell), which makes up for uneven spacing and shear.
Balls come out within 2 % from 10 voxels across, 6 % from 5; counting voxel faces makes them half too large on any grid.
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
"""One of each pair of opposite neighbours."""


def surface_mm2(seg: Segmentation, key: str, box: Box) -> float:
    """Surface area of a structure within the image; where the image cuts it there is none.

    Args:
        seg: The segmentation.
        key: Structure key.
        box: Around all of it.
    """
    mask = seg.mask(key, grown(box, (1, 1, 1), seg.shape))
    lines = _area_per_line_mm2(seg.affine)
    return float(2 * sum(per_line * _crossings(mask, step) for step, per_line in zip(STEPS, lines, strict=True)))


def _crossings(mask: NDArray[np.bool_], step: tuple[int, ...]) -> int:
    """How many pairs of voxels one step apart have one inside and one outside."""
    ahead = mask[tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(step, mask.shape, strict=True))]
    behind = mask[tuple(slice(max(-s, 0), n + min(-s, 0)) for s, n in zip(step, mask.shape, strict=True))]
    return int(np.count_nonzero(ahead ^ behind))


def _area_per_line_mm2(affine: Affine) -> NDArray[np.float64]:
    """Share of the sphere of each step's direction times the area that each of its lines stands for."""
    steps_mm = np.array(STEPS) @ affine[:3, :3].T
    lengths_mm = np.linalg.norm(steps_mm, axis=1)
    directions = steps_mm / lengths_mm[:, None]
    cells = SphericalVoronoi(np.concatenate([directions, -directions])).calculate_areas()
    share = cells.reshape(2, -1).sum(axis=0) / cells.sum()
    return np.asarray(share * abs(np.linalg.det(affine[:3, :3])) / lengths_mm)
