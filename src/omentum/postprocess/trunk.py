"""Find the trunk: voxels outside it, in the couch, in air or in an arm, belong to no organ."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from omentum.boxes import Box
from omentum.volume import BODY_HU, Volume

STEP_MM = 5.0
"""Sampling step."""
COUCH_MM = 12.0
"""What is thinner than this in an axial plane (couch, blanket, tubes) is no part of the trunk."""
MARGIN_MM = 10.0
"""What is this near to the trunk still counts as inside."""
SMALLEST_SHARE = 0.3
"""Least fraction of the dense voxels in the trunk; below it the trunk cannot be identified."""


@dataclass(frozen=True, eq=False)
class Trunk:
    """Convex outline of the trunk in every axial plane, at low resolution.

    Args:
        inside: bool, one value per block of voxels.
        steps: Block size in voxels along each axis.
    """

    inside: NDArray[np.bool_]
    steps: tuple[int, int, int]

    def outside(self, box: Box) -> NDArray[np.bool_]:
        """Voxels of a box that lie outside, bool, shape of the box."""
        found = ~self.inside
        for axis in (2, 1, 0):  # the first axis last, so that planes are copied contiguously
            found = found.take(np.arange(box[axis].start, box[axis].stop) // self.steps[axis], axis=axis)
        return found


def find_trunk(ct: Volume) -> Trunk | None:
    """The largest dense component of a scan, made convex in every axial plane so that the lungs are inside.

    A convex hull is used because hole filling would leak where the field of view cuts the chest wall. Planes without
    trunk count as inside.

    Returns:
        None if no component dominates.
    """
    steps = [max(1, round(STEP_MM / mm)) for mm in ct.spacing_mm]
    dense = ct.voxels[:: steps[0], :: steps[1], :: steps[2]] > BODY_HU
    upright = next(axis for axis, (world, _) in enumerate(ct.grid.axis_directions()) if world == 2)
    planes = np.moveaxis(dense, upright, 0)
    spacing = [mm * step for axis, (mm, step) in enumerate(zip(ct.spacing_mm, steps, strict=True)) if axis != upright]
    thick = ndimage.binary_opening(np.pad(planes, ((0, 0), (9, 9), (9, 9)), mode="edge"), _disc(COUCH_MM / 2, spacing))
    components = cc3d.connected_components(np.ascontiguousarray(thick[:, 9:-9, 9:-9]), connectivity=6)
    sizes = np.bincount(components.ravel())[1:]
    if not len(sizes) or sizes.max() < SMALLEST_SHARE * planes.sum():
        return None
    trunk = components == 1 + sizes.argmax()
    hulls = np.stack([_convex(plane) for plane in trunk])
    inside = ndimage.binary_dilation(hulls, _disc(MARGIN_MM, spacing))
    return Trunk(np.moveaxis(inside, 0, upright), (steps[0], steps[1], steps[2]))


def _disc(radius_mm: float, spacing_mm: list[float]) -> NDArray[np.bool_]:
    """Disc in the axial plane, [1, n, m]."""
    reach = [max(1, round(radius_mm / mm)) for mm in spacing_mm]
    u, v = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return (((u / reach[0]) ** 2 + (v / reach[1]) ** 2) <= 1)[None]


def _convex(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Convex hull of a plane's true pixels; the whole plane if there are too few."""
    points = np.argwhere(plane)
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return np.ones_like(plane)
    u, v = np.indices(plane.shape)
    filled = np.ones_like(plane)
    for a, b, c in hull.equations:
        filled &= a * u + b * v + c <= 1e-6
    return filled
