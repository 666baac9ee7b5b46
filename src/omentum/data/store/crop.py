"""Which part of a scan is worth keeping: the body with what is labelled, not the air and the table around it."""

from __future__ import annotations

import math

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.preprocess.grid import Box, foreground_box
from omentum.volume import BODY_HU

SMALLEST_SHARE = 0.01
"""Pieces of less than this share of the largest (noise, tubes, rims of the table) do not widen the crop; legs do."""


def body_box(hu: NDArray[np.int16], labelled: NDArray[np.bool_], margin: tuple[int, int, int]) -> Box:
    """The smallest box around the body and everything labelled, widened by a margin but not beyond the scan.

    Args:
        hu: [x, y, z].
        labelled: Of the same shape; whether a voxel has any label.
        margin: Voxels along each axis.
    """
    boxes = [foreground_box(_large_pieces(hu > BODY_HU))]
    if labelled.any():
        boxes.append(foreground_box(labelled))
    low = np.min([box.start for box in boxes], axis=0) - margin
    high = np.max([box.stop for box in boxes], axis=0) + margin
    i, j, k = (int(n) for n in np.maximum(low, 0))
    a, b, c = (int(n) for n in np.minimum(high, hu.shape))
    return Box((i, j, k), (a, b, c))


def margin_voxels(margin_mm: float, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """A length as whole voxels, rounded up."""
    i, j, k = (math.ceil(margin_mm / mm) for mm in spacing_mm)
    return i, j, k


def _large_pieces(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    sizes = np.bincount(pieces.reshape(-1))
    sizes[0] = 0
    large: NDArray[np.bool_] = (sizes >= max(1, SMALLEST_SHARE * sizes.max(initial=0)))[pieces]
    return large
