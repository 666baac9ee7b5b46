"""Synthetic lesions in a crop of an organ, while a network is trained on it: other ones every time.

Shapes and contrasts are those of the phantoms, noise and fine texture those of the crop, as in
`omentum.phantom.lesions.implant`.
"""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from omentum.phantom.lesions.implant import EDGE_VOXELS, HOST_TISSUE, TEXTURE_MM
from omentum.phantom.lesions.kinds import draw_kind
from omentum.phantom.lesions.margins import draw_margin
from omentum.phantom.lesions.shape import one_piece, radial
from omentum.phantom.texture import smooth_field
from omentum.phantom.tissue import PHASES, TISSUES, Appearance, draw_hu, tissue_index
from omentum.volume import Grid

LEAST_CONTRAST_HU = 12.0
"""Difference from the organ; what is fainter is left to the cases as they are."""
SHALLOWEST = 0.5
"""A lesion's centre lies so deep in the organ at least, in its radius or the depth there is."""
TEXTURE_SHARE = 0.6
"""Of a tissue's own texture; the rest is the organ's at the same place."""


@dataclass(frozen=True, eq=False)
class CropLesion:
    """A lesion put into a crop.

    Args:
        hu: The crop with the lesion, float32 [x, y, z].
        mask: The lesion, bool [x, y, z].
        structures: Keys of the structures that its voxels belong to.
    """

    hu: NDArray[np.float32]
    mask: NDArray[np.bool_]
    structures: tuple[str, ...]


def implant_in_crop(
    rng: np.random.Generator, hu: NDArray[np.float32], room: NDArray[np.bool_], grid: Grid, structure: str
) -> CropLesion | None:
    """Put a lesion into a crop of an organ.

    Args:
        rng: Source of randomness.
        hu: HU relative to the organ's median, float32 [x, y, z]; not changed.
        room: Where the lesion may be: the organ without its other lesions, bool [x, y, z].
        grid: Of the crop; its spacing counts, its origin does not.
        structure: Key of the lesion's structure.

    Returns:
        None where there is no room.
    """
    kind = draw_kind(rng, structure)
    blob = kind.draw_blob(rng, 1.0)
    spacing = grid.spacing_mm
    depth = edt.edt(room, anisotropy=spacing, black_border=False)
    deep = np.argwhere(depth > SHALLOWEST * min(blob.radius_mm, float(depth.max())))
    if not len(deep):
        return None
    box, r, offset = radial(rng, grid, deep[rng.integers(len(deep))], blob)
    r = draw_margin(rng, blob.name).applied(rng, r, offset, spacing, blob.radius_mm)
    tissue = np.full(r.shape, tissue_index(HOST_TISSUE[kind.hosts[0]]), np.uint8)
    shape = blob.paint(rng, tissue, r, one_piece((r < 1.0) & room[box], r), spacing)
    if not shape.any():
        return None
    mask = np.zeros_like(room)
    mask[box] = shape
    level = _differences(rng, HOST_TISSUE[kind.hosts[0]])[tissue]
    i, j, k = r.shape
    own = np.array([one.texture[0] for one in TISSUES], np.float32)[tissue]
    level += np.float32(TEXTURE_SHARE) * own * smooth_field(rng, (i, j, k), spacing, 5.0)
    return CropLesion(_painted(hu, room, mask, box, level, spacing), mask, kind.structures)


def _differences(rng: np.random.Generator, host: str) -> NDArray[np.float32]:
    """HU of every tissue of a patient, minus those of the host."""
    phase = PHASES[int(rng.integers(len(PHASES)))]
    hu = draw_hu(rng, Appearance(phase, lesion_contrast_hu=LEAST_CONTRAST_HU))
    return np.asarray(hu - hu[tissue_index(host)])


def _painted(
    hu: NDArray[np.float32],
    room: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    box: tuple[slice, slice, slice],
    level: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float32]:
    """The crop with a level in place of its own where the mask is; its noise and fine texture stay."""
    sigma = [TEXTURE_MM / s for s in spacing_mm]
    share = np.maximum(gaussian_filter(room.astype(np.float32), sigma), 1e-3)
    fine = np.where(room, hu - gaussian_filter(np.where(room, hu, 0), sigma) / share, 0)[box]
    here = mask[box]
    alpha = gaussian_filter(here.astype(np.float32), EDGE_VOXELS)
    smooth = gaussian_filter(np.where(here, level, 0), EDGE_VOXELS) / np.maximum(alpha, 1e-3)
    painted = hu.copy()
    painted[box] += np.where(alpha > 1e-3, alpha * (smooth + fine - hu[box]), 0)
    return painted
