"""The vessel trees of the liver and the lungs, grown into a body that has none."""

from __future__ import annotations

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.phantom.tissue import tissue_index
from omentum.phantom.vessels import grow_tree, paint_balls
from omentum.segmentation import Segmentation

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def paint_liver_vessels(rng: np.random.Generator, truth: Segmentation, tissue: NDArray[np.uint8]) -> Mask:
    """Grow hepatic veins from the cava and portal branches from the hilum.

    Returns:
        Both trees inside the liver, which is what public labels of hepatic vessels hold.
    """
    out = np.zeros(truth.shape, bool)
    liver = truth.mask("liver")
    box = _box(liver)
    if box is None:
        return out
    liver, spacing = liver[box], np.array(truth.grid.spacing_mm)
    room = np.argwhere(edt.edt(liver, anisotropy=tuple(spacing), black_border=True) > 5.0)
    if len(room) < 200:
        return out
    veins = _near(liver, truth, box, "inferior_vena_cava", prefer=(0.0, 0.0, 0.4))
    portal = _near(liver, truth, box, "portal_splenic_vein", prefer=(0.4, 0.0, 0.2))
    for root, name, radius in ((veins, "hepatic_vein", (3.5, 5.5)), (portal, "portal_vein", (4.0, 6.0))):
        tips = room[rng.choice(len(room), int(rng.integers(35, 80)))] * spacing
        tree = grow_tree(rng, root * spacing, tips, rng.uniform(*radius), rng.uniform(0.9, 1.5))
        lumen = paint_balls(_shape(liver), truth.grid.spacing_mm, tree) & liver
        tissue[box][lumen] = tissue_index(name)
        out[box] |= lumen
    return out


def paint_lung_vessels(rng: np.random.Generator, truth: Segmentation, tissue: NDArray[np.uint8]) -> None:
    """Grow the vessels of each lung from its hilum, and the walls of a few bronchi beside them."""
    for side, medial in (("right", -1.0), ("left", 1.0)):  # x grows to the right
        lung = truth.mask(f"{side}_lung")
        box = _box(lung)
        if box is None:
            continue
        lung, spacing = lung[box], np.array(truth.grid.spacing_mm)
        where = np.argwhere(lung)
        middle = where.mean(axis=0)
        score = (where[:, 0] - middle[0]) * medial - 0.8 * np.linalg.norm((where - middle)[:, 1:], axis=1)
        root = where[np.argmax(score)] * spacing
        count = int(np.clip(len(where) * spacing.prod() / 1.1e4, 10, 260) * rng.uniform(0.6, 1.2))
        for name, share, radii in (("lung_vessel", 1.0, (6.0, 0.8)), ("airway_wall", 0.06, (4.5, 1.6))):
            tips = where[rng.choice(len(where), max(2, round(count * share)))] * spacing
            tree = grow_tree(rng, root, tips, *radii)
            tissue[box][paint_balls(_shape(lung), truth.grid.spacing_mm, tree) & lung] = tissue_index(name)
            if name == "airway_wall":
                tree = type(tree)(tree.points_mm, np.maximum(tree.radius_mm - 1.5, 0.1))
                wide = type(tree)(tree.points_mm[tree.radius_mm > 0.8], tree.radius_mm[tree.radius_mm > 0.8])
                tissue[box][paint_balls(_shape(lung), truth.grid.spacing_mm, wide) & lung] = tissue_index("airway")


def _box(mask: Mask) -> Box | None:
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    return boxes[0] if boxes else None


def _shape(mask: Mask) -> tuple[int, int, int]:
    i, j, k = mask.shape
    return i, j, k


def _near(
    organ: Mask, truth: Segmentation, box: Box, vessel: str, prefer: tuple[float, float, float]
) -> NDArray[np.float64]:
    """The organ's voxel next to a vessel, the farther along `prefer` (relative weights) the better."""
    where = np.argwhere(organ)
    lumen = truth.mask(vessel)[box]
    away = edt.edt(~lumen, anisotropy=truth.grid.spacing_mm, black_border=False) if lumen.any() else None
    cost = -((where - where.mean(axis=0)) * truth.grid.spacing_mm) @ np.array(prefer)
    if away is not None:
        cost = cost + 3.0 * away[tuple(where.T)]
    else:
        cost = cost + np.linalg.norm((where - where.mean(axis=0)) * truth.grid.spacing_mm, axis=1)
    found: NDArray[np.float64] = where[np.argmin(cost)].astype(np.float64)
    return found
