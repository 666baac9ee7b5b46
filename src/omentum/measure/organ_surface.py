"""Surface points of organs in patient space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from omentum.boxes import Box, around
from omentum.measure.diameters import Points, face_middles
from omentum.segmentation import Segmentation


def organ_surface_mm(seg: Segmentation, keys: Sequence[str], boxes: Mapping[str, Box]) -> Points:
    """Surface points of the union of some structures: voxel face centres, RAS+ mm, shape [n, 3].

    Faces at the border of the image are excluded, unless there are no others.

    Args:
        seg: Segmentation with at least one voxel of each.
        keys: Structure keys.
        boxes: Bounding box of each, see `Segmentation.boxes`.
    """
    box = around([boxes[key] for key in keys])
    whole = np.logical_or.reduce([seg.mask(key, box) for key in keys])
    at = face_middles(whole, (0, 1, 2)) + np.array([s.start for s in box])
    inside = ((at >= 0) & (at <= np.array(seg.shape) - 1)).all(axis=1)
    return seg.grid.to_world(at[inside] if inside.any() else at)
