"""Masks that share voxels, on grids of all kinds, and whether they came back the same."""

import numpy as np
from banded_phantom import ras_grid, rotated, stored

from omentum.segmentation import Segmentation

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
OVERLAPPING = {
    "pancreas": ((0, 0, 0), (30, 12, 10)),
    "portal_splenic_vein": ((6, 4, 0), (26, 4, 4)),
    "left_kidney": ((-30, -14, -16), (10, 11, 16)),
    "kidney_cyst": ((-33, -14, -10), (5, 5, 6)),
    "liver": ((28, 6, 10), (18, 22, 20)),
    "hepatic_vessel": ((28, 6, 10), (4, 18, 5)),
    "hepatic_vessel_tumour": ((28, 12, 10), (6, 6, 6)),
    "spleen": ((-40, 20, 30), (6, 9, 9)),
}
"""A vein over the pancreas, a cyst in a kidney, a tumour in a vessel of the liver: centre and half axes in RAS+ mm."""
GRIDS = {
    "isotropic": ras_grid(),
    "anisotropic": ras_grid((1.5, 2.5, 5.0)),
    "flipped": stored(ras_grid((2.0, 3.0, 4.0)), (0, 1, 2), (True, True, False)),
    "axes swapped": stored(ras_grid((2.0, 3.0, 4.0)), (2, 0, 1), (True, False, True)),
    "oblique": rotated(stored(ras_grid((2.0, 3.0, 4.0)), (1, 0, 2), (False, True, True)), 20),
}


def scan(grid):
    """Its structures overlap; the gallbladder was looked for and is not there."""
    i, j, k = np.indices(grid.shape)
    places = grid.to_world(np.stack([i, j, k], -1))
    masks = {key: (((places - centre) / half) ** 2).sum(-1) <= 1 for key, (centre, half) in OVERLAPPING.items()}
    masks["gallbladder"] = np.zeros(grid.shape, bool)
    return Segmentation.from_masks(masks, grid.affine)


def same(back, seg):
    assert back.classes == seg.classes
    assert back.annotated == seg.annotated
    np.testing.assert_array_equal(back.affine, seg.affine)
    np.testing.assert_array_equal(back.bits, seg.bits)
