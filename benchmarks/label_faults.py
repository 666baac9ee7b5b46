"""Faults planted in exact labels, as datasets have them; used by label_audit.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.annotate.audit.faults import FaultKind
from omentum.boxes import bounding_box
from omentum.volume import BODY_HU, Grid, Volume

Mask = NDArray[np.bool_]
Masks = dict[str, Mask]
LEAST_VOXELS = 60
"""Smaller structures are not harmed."""
LIKE_SIZE = 0.2
"""A label is painted on another organ of at least this share of its size."""

Plant = Callable[[np.random.Generator, Masks, str, Volume], Masks | None]


def _missing(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    return None if STRUCTURES[key].is_lesion else {key: np.zeros_like(masks[key])}


def _lesion_empty(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    return {key: np.zeros_like(masks[key])} if STRUCTURES[key].is_lesion else None


def _sides(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    pair = STRUCTURES[key].pair
    if pair not in masks or not masks[pair].any():
        return None
    return {key: masks[pair], pair: masks[key]}


def _other(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    if STRUCTURES[key].is_lesion:
        return None
    size = masks[key].sum()
    others = [
        k
        for k, mask in masks.items()
        if k not in (key, STRUCTURES[key].pair) and not may_overlap(k, key) and mask.sum() >= LIKE_SIZE * size
    ]
    return {key: masks[str(rng.choice(others))]} if others else None


def _shifted(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    direction = rng.normal(size=3)
    mm = rng.uniform(12, 25) * direction / np.linalg.norm(direction)
    steps = np.rint(mm / ct.spacing_mm).astype(int)
    return {key: ndimage.shift(masks[key].astype(np.uint8), steps, order=0).astype(bool)}


def _cut(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    mask, axis = masks[key].copy(), _axial(ct.grid)
    span = bounding_box(mask)[axis]
    n = span.stop - span.start
    if n < 8:
        return None
    lost = int(np.ceil(n * rng.uniform(0.25, 0.4)))
    where = [slice(None)] * 3
    where[axis] = slice(span.start, span.start + lost) if rng.random() < 0.5 else slice(span.stop - lost, span.stop)
    mask[tuple(where)] = False
    return {key: mask}


def _holes(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    depth = ndimage.distance_transform_edt(masks[key], sampling=ct.spacing_mm)
    mask, least = masks[key].copy(), 1.8 * max(ct.spacing_mm)
    for _ in range(int(rng.integers(2, 5))):
        radius = rng.uniform(0.4, 0.7) * depth.max()
        places = np.argwhere(depth > max(least, radius + max(ct.spacing_mm)))
        if not len(places):
            return None
        mask &= ~_ball(places[rng.integers(len(places))], max(radius, max(ct.spacing_mm)), ct)
    return {key: mask}


def _islands(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    away = ndimage.distance_transform_edt(~masks[key], sampling=ct.spacing_mm)
    places = np.argwhere((away > 25) & (ct.voxels > BODY_HU))
    if not len(places):
        return None
    mask = masks[key].copy()
    for _ in range(int(rng.integers(1, 4))):
        mask |= _ball(places[rng.integers(len(places))], rng.uniform(6, 9), ct)
    return {key: mask}


def _volume(rng: np.random.Generator, masks: Masks, key: str, ct: Volume) -> Masks | None:
    inner = ndimage.distance_transform_edt(masks[key], sampling=ct.spacing_mm)
    outer = ndimage.distance_transform_edt(~masks[key], sampling=ct.spacing_mm)
    low, high = STRUCTURES[key].volume_ml
    for mm in range(2, 30):
        for changed in (outer <= mm, inner > mm):
            ml = changed.sum() * ct.grid.voxel_volume_ml
            if ml and not low / 1.3 <= ml <= high * 1.3:
                return {key: changed}
    return None


def _ball(centre: NDArray[np.intp], radius_mm: float, ct: Volume) -> Mask:
    axes = [(np.arange(n) - c) * mm for n, c, mm in zip(ct.shape, centre, ct.spacing_mm, strict=True)]
    i, j, k = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(i**2 + j**2 + k**2 <= radius_mm**2)


def _axial(grid: Grid) -> int:
    return next(axis for axis, (world, _) in enumerate(grid.axis_directions()) if world == 2)


PLANTS: dict[FaultKind, Plant] = {
    FaultKind.MISSING: _missing,
    FaultKind.LESION_EMPTY: _lesion_empty,
    FaultKind.SIDES: _sides,
    FaultKind.OTHER: _other,
    FaultKind.SHIFTED: _shifted,
    FaultKind.CUT: _cut,
    FaultKind.HOLES: _holes,
    FaultKind.ISLANDS: _islands,
    FaultKind.VOLUME: _volume,
}


def plant(
    rng: np.random.Generator, kind: FaultKind, masks: Masks, ct: Volume, taken: set[str]
) -> tuple[str, Masks] | None:
    """Plant a fault of a kind in a random structure.

    Returns:
        The structure and the changed masks; None if no structure can have this fault.
    """
    keys = [key for key, mask in masks.items() if mask.sum() >= LEAST_VOXELS and key not in taken]
    for key in rng.permutation(keys).tolist():
        changed = PLANTS[kind](rng, masks, key, ct)
        if changed is not None and not taken & set(changed):
            return key, changed
    return None
