"""Crop a scan to the body and all labels, without surrounding air and table."""

from __future__ import annotations

import math

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box, around, bounding_box, grown
from omentum.volume import BODY_HU

SMALLEST_SHARE = 0.01
"""Pieces of less than this share of the largest (noise, tubes, rims of the table) do not widen the crop; legs do."""


def body_box(hu: NDArray[np.int16], labelled: NDArray[np.bool_], margin: tuple[int, int, int]) -> Box:
    """Smallest box around the body and all labels, plus a margin, limited to the scan.

    Args:
        hu: [x, y, z] in HU.
        labelled: Bool of the same shape; whether a voxel has any label.
        margin: Margin in voxels along each axis.
    """
    boxes = [bounding_box(_large_pieces(hu > BODY_HU))]
    if labelled.any():
        boxes.append(bounding_box(labelled))
    return grown(around(boxes), margin, hu.shape)


def margin_voxels(margin_mm: float, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Convert a length in mm to whole voxels, rounded up."""
    i, j, k = (math.ceil(margin_mm / mm) for mm in spacing_mm)
    return i, j, k


def _large_pieces(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    sizes = np.bincount(pieces.reshape(-1))
    sizes[0] = 0
    large: NDArray[np.bool_] = (sizes >= max(1, SMALLEST_SHARE * sizes.max(initial=0)))[pieces]
    return large
