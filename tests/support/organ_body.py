"""A small trunk of ellipsoids that nothing is wrong with, in RAS+ mm, drawn on whatever grid is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ellipsoids import Ellipsoid
from numpy.typing import NDArray
from strategies import storage_affine

from omentum.measure import find_lesions, measure
from omentum.quality import assess_quality
from omentum.quality.assess import Quality
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

TRUNK = Ellipsoid((0, 0, 0), (170, 110, 2000))
ORGANS = {
    "aorta": (Ellipsoid((-8, -45, 20), (11, 11, 110)), 150),
    "inferior_vena_cava": (Ellipsoid((20, -40, 20), (12, 12, 80)), 130),
    "right_kidney": (Ellipsoid((65, -50, -20), (28, 25, 50)), 170),
    "left_kidney": (Ellipsoid((-65, -50, -15), (28, 25, 52)), 170),
    "spleen": (Ellipsoid((-100, -20, 60), (28, 30, 42)), 122),
    "pancreas": (Ellipsoid((-5, 5, 5), (52, 13, 15)), 95),
    "stomach": (Ellipsoid((-50, 35, 60), (35, 30, 42)), 30),
    "gallbladder": (Ellipsoid((50, 55, 5), (15, 15, 22)), 10),
    "duodenum": (Ellipsoid((50, 5, -5), (14, 14, 35)), 60),
    "liver": (Ellipsoid((75, 10, 60), (75, 65, 55)), 112),
    "bladder": (Ellipsoid((0, 20, -165), (35, 30, 30)), 5),
    "right_lung": (Ellipsoid((80, 0, 160), (60, 80, 62)), -850),
    "left_lung": (Ellipsoid((-80, 0, 160), (58, 78, 62)), -850),
    "right_femoral_head": (Ellipsoid((90, 0, -165), (24, 24, 24)), 280),
    "left_femoral_head": (Ellipsoid((-90, 0, -165), (24, 24, 24)), 280),
    "portal_splenic_vein": (Ellipsoid((10, -15, 15), (50, 7, 7)), 160),
}
SPACING_MM = (5.0, 5.0, 5.0)
SIZE_MM = (370, 240, 460)


def grid_in(axes=(0, 1, 2), signs=(1, 1, 1), spacing_mm=SPACING_MM) -> Grid:
    affine = storage_affine(axes, signs, tuple(spacing_mm[a] for a in axes))
    shape = tuple(round(SIZE_MM[a] / spacing_mm[a]) for a in axes)
    # Off the middle of the body, which is no voxel's centre: mirror images must not be equal by chance.
    affine[:3, 3] = np.array([1.3, 0.7, 2.1]) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def masks_on(grid: Grid) -> dict[str, NDArray[np.bool_]]:
    """Organs that do not overlap: the earlier ones in the table win."""
    taken, masks = np.zeros(grid.shape, bool), {}
    for key, (body, _) in ORGANS.items():
        masks[key] = body.on(grid) & ~taken
        taken |= masks[key]
    return masks


def ct_of(masks: Mapping[str, NDArray[np.bool_]], grid: Grid) -> Volume:
    hu = np.where(TRUNK.on(grid), -100, -1000).astype(np.int16)
    for key, mask in masks.items():
        hu[mask] = ORGANS[key][1]
    return Volume(hu, grid.affine)


def assessed(ct: Volume, masks: Mapping[str, NDArray[np.bool_]], **more) -> Quality:
    annotated = more.pop("annotated", None)
    seg = Segmentation.from_masks(masks, ct.affine, annotated)
    return assess_quality(ct, seg, measure(ct, seg), find_lesions(ct, seg), **more)


def codes(quality: Quality, *, of: str | None = None) -> set[tuple[str, str]]:
    """(structure, code) of every flag that is more than information; only of one code if given."""
    found = {(f.structure, f.code) for f in quality.flags if f.severity != "info"}
    return {flag for flag in found if of is None or flag[1] == of}
