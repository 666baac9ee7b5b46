"""A labelled CT on the model grid, held in memory, with everything a sampler asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError
from omentum.segmentation import Segmentation
from omentum.volume import Volume

MAX_CLASSES = 32
"""Truth is kept as one 32-bit set a voxel in training; more classes need a wider integer here."""

POINTS_PER_CLASS = 400
"""Remembered voxels per structure, from which crop centres are drawn."""


@dataclass(frozen=True, eq=False)
class LabelledCase:
    """One annotated CT on the model grid (RAS+, model spacing).

    Args:
        name: For messages and logs.
        hu: int16 [x, y, z].
        bits: int32 [x, y, z]; bit k = class k of the model's class list.
        annotated: bool [K], which classes were looked for.
        points: For each class that is present, int16 [n, 3] voxels of it.
        body: int16 [n, 3] voxels inside the body.
    """

    name: str
    hu: NDArray[np.int16]
    bits: NDArray[np.int32]
    annotated: NDArray[np.bool_]
    points: dict[int, NDArray[np.int16]] = field(repr=False)
    body: NDArray[np.int16] = field(repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z."""
        x, y, z = self.hu.shape
        return x, y, z


def labelled_case(
    name: str, ct: Volume, truth: Segmentation, classes: Sequence[str], rng: np.random.Generator
) -> LabelledCase:
    """Bring a CT and its truth, both already on the model grid, into the order of the model's classes.

    Raises:
        InputError: grids differ, too many classes, or nothing annotated that the model knows.
    """
    if not ct.grid.same_as(truth.grid):
        raise InputError("CT and labels are on different grids", source=name)
    if len(classes) > MAX_CLASSES:
        raise InputError(f"training holds up to {MAX_CLASSES} classes, got {len(classes)}", source=name)
    assert truth.annotated is not None
    annotated = np.array([key in truth.annotated for key in classes])
    if not annotated.any():
        raise InputError("none of the model's classes is annotated", source=name)
    bits = np.zeros(ct.shape, np.uint32)
    points = {}
    for k, key in enumerate(classes):
        if annotated[k]:
            mask = truth.mask(key)
            bits[mask] |= np.uint32(1 << k)
            if mask.any():
                points[k] = _some_points(mask, rng)
    hu = np.clip(np.nan_to_num(ct.voxels, nan=-1024), -1024, 3071).astype(np.int16)
    body = _some_points(hu > -300, rng)
    return LabelledCase(name, hu, bits.view(np.int32), annotated, points, body)


def _some_points(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int16]:
    flat = np.flatnonzero(mask)
    if len(flat) == 0:
        return np.array([[n // 2 for n in mask.shape]], np.int16)
    chosen = rng.choice(flat, min(len(flat), POINTS_PER_CLASS), replace=False)
    return np.stack(np.unravel_index(chosen, mask.shape), axis=1).astype(np.int16)
