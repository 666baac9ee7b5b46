"""The shape of one lesion on a grid: distances from its centre in units of its own surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.boxes import Box
from omentum.phantom.lesions.kinds import Blob
from omentum.phantom.texture import smooth_field
from omentum.volume import Grid


def radial(
    rng: np.random.Generator, grid: Grid, centre: NDArray[np.intp], blob: Blob
) -> tuple[Box, NDArray[np.float32], NDArray[np.float64]]:
    """Distance from the centre in units of the lesion's own surface, within a box around it.

    Returns:
        The box, the distances [i, j, k], and the offsets from the centre in mm [i, j, k, 3].
    """
    spacing = np.array(grid.spacing_mm)
    reach = np.ceil(1.6 * max(blob.axes_mm) / spacing).astype(int) + 1
    low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, grid.shape)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    offset = (index - centre) * spacing
    r = np.linalg.norm(offset @ blob.rotation / np.array(blob.axes_mm), axis=-1).astype(np.float32)
    i, j, k = r.shape
    ripple = smooth_field(rng, (i, j, k), grid.spacing_mm, max(0.9 * blob.radius_mm, 6.0))
    return box, r / np.maximum(1.0 + np.float32(blob.roughness) * ripple, np.float32(0.4)), offset


def one_piece(shape: NDArray[np.bool_], r: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The piece that holds the innermost voxel: what a wall or vessel cuts off is not the lesion."""
    pieces, count = ndimage.label(shape)
    if count <= 1:
        return shape
    piece: NDArray[np.bool_] = pieces == pieces.ravel()[np.argmin(np.where(shape, r, np.inf))]
    return piece
