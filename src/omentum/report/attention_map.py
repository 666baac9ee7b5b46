"""Attention map of a structure: where to look, projected from front to back over the body."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.report.planes import hung, hung_spacing_mm
from omentum.volume import Grid, Volume

WINDOW_HU = (-400.0, 400.0)
FULL_MM = 30.0
"""Attention times depth, in mm, that is drawn in full colour."""
HOT = np.array([255.0, 90.0, 0.0])
OUTLINE = np.array([70.0, 200.0, 255.0])
MOST_PIXELS = 640


def coronal_projection(ct: Volume) -> NDArray[np.float32]:
    """Mean HU from front to back, float32 [superior to inferior, right to left]."""
    values = hung(ct.voxels, ct.grid)
    return np.asarray(np.nan_to_num(values.astype(np.float32), nan=WINDOW_HU[0]).clip(*WINDOW_HU).mean(axis=1))


def attention_png(
    body: NDArray[np.float32], grid: Grid, box: Box, attention: NDArray[np.float32], mask: NDArray[np.bool_]
) -> bytes:
    """Draw attention in orange over the body, with the outline of the proposal in blue.

    Args:
        body: Result of `coronal_projection`.
        grid: Grid of the CT.
        box: Part of the grid that `attention` and `mask` cover.
        attention: float32, see `omentum.annotate.propose.evidence.attention`.
        mask: Bool, the proposal.

    Returns:
        PNG with square pixels, the patient's right on the left.
    """
    from PIL import Image

    z_mm, y_mm, x_mm = hung_spacing_mm(grid)
    depth_mm = _projected(attention, grid, box).sum(axis=1) * y_mm
    shadow = np.asarray(_projected(mask, grid, box).any(axis=1), np.bool_)
    heat = np.clip(depth_mm / FULL_MM, 0, 1)[..., None]
    low, high = WINDOW_HU
    grey = ((body - low) * (255 / (high - low)))[..., None].repeat(3, axis=2)
    picture = grey * (1 - heat) + HOT * heat
    picture[_edge(shadow)] = OUTLINE
    image = Image.fromarray(np.rint(picture).astype(np.uint8))
    height, width = body.shape[0] * z_mm, body.shape[1] * x_mm
    scale = MOST_PIXELS / max(height, width)
    image = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _projected(part: NDArray[Any], grid: Grid, box: Box) -> NDArray[Any]:
    whole = np.zeros(grid.shape, part.dtype)
    whole[box] = part
    return hung(whole, grid)


def _edge(shadow: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a region with a neighbour outside it."""
    padded = np.pad(shadow, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return shadow & ~inner
