"""Labelled CTs on the model grid as the sampler sees them; in memory here, in a store in `store_cases`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import cut
from omentum.data.store.bitsets import Index, distinct_sets, members
from omentum.data.store.class_locations import sample_locations
from omentum.errors import InputError
from omentum.fingerprint import SliceHashes
from omentum.segmentation import BITS_PER_PLANE, Segmentation, no_bits
from omentum.volume import BODY_HU, PADDING_HU, Volume

MAX_SETS = 2**15 - 1
"""The sets of classes that occur in a case are numbered with a signed 16-bit integer."""

POINTS_PER_CLASS = 400
"""Sampled voxels per structure, from which crop centres are drawn."""


class TrainingCase(Protocol):
    """Interface of a case for the sampler."""

    @property
    def name(self) -> str:
        """Name of the case, for messages and logs."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z."""

    @property
    def annotated(self) -> NDArray[np.bool_]:
        """Bool [K], the annotated classes."""

    @property
    def sets(self) -> NDArray[np.bool_]:
        """Bool [S, K], the model classes in each label set that occurs; the first set is empty."""

    @property
    def voxels(self) -> Mapping[int, int]:
        """Number of voxels of each class that occurs."""

    def places(self, k: int | None) -> NDArray[np.int16]:
        """Sampled voxels int16 [n, 3] of class `k`, or of the body if `k` is None.

        Raises:
            InputError: The file cannot be read.
        """

    def box(self, start: Sequence[int], size: Sequence[int]) -> tuple[NDArray[np.int16], NDArray[Any]]:
        """HU and labels (rows of `sets`) of a box that may extend beyond the case.

        Raises:
            InputError: The case cannot be read.
        """


@dataclass(frozen=True, eq=False)
class LabelledCase:
    """One annotated CT on the model grid (RAS+, model spacing), held in memory.

    Args:
        name: For messages and logs.
        hu: int16 [x, y, z].
        labels: [x, y, z], rows of `sets`.
        sets: bool [S, K], the model classes in each label set that occurs.
        annotated: bool [K], the annotated classes.
        voxels: Number of voxels of each class that occurs.
        points: For each of these, sampled voxels int16 [n, 3].
        body: int16 [n, 3], sampled voxels inside the body.
        dataset, patient: Dataset key and patient identifier; "" if unknown.
        hashes: Fingerprint of the CT on its original grid (see `omentum.fingerprint`); empty if not computed.
        assisted: Classes (row numbers) whose labels began as predictions; see `measurable`.
    """

    name: str
    hu: NDArray[np.int16]
    labels: Index = field(repr=False)
    sets: NDArray[np.bool_] = field(repr=False)
    annotated: NDArray[np.bool_]
    voxels: Mapping[int, int] = field(repr=False)
    points: Mapping[int, NDArray[np.int16]] = field(repr=False)
    body: NDArray[np.int16] = field(repr=False)
    dataset: str = ""
    patient: str = ""
    hashes: SliceHashes = field(default=(), repr=False)
    assisted: frozenset[int] = frozenset()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z."""
        x, y, z = self.hu.shape
        return x, y, z

    def mask(self, k: int) -> NDArray[np.bool_]:
        """Mask of a class, bool [x, y, z], computed at each call."""
        return self.sets[:, k][self.labels]

    def places(self, k: int | None) -> NDArray[np.int16]:
        """Sampled voxels int16 [n, 3] of class `k`, or of the body if `k` is None."""
        return self.body if k is None else self.points[k]

    def box(self, start: Sequence[int], size: Sequence[int]) -> tuple[NDArray[np.int16], NDArray[Any]]:
        """HU and labels of a box that may extend beyond the case."""
        return cut(self.hu, start, size, PADDING_HU), cut(self.labels, start, size, 0)


def labelled_case(
    name: str, ct: Volume, truth: Segmentation, classes: Sequence[str], rng: np.random.Generator
) -> LabelledCase:
    """Convert a CT and its labels, both on the model grid, to the class order of the model.

    Raises:
        InputError: The grids differ, there are too many label sets, or no model class is annotated.
    """
    if not ct.grid.same_as(truth.grid):
        raise InputError("CT and labels are on different grids", source=name)
    assert truth.annotated is not None
    annotated = np.array([key in truth.annotated for key in classes])
    if not annotated.any():
        raise InputError("none of the model's classes is annotated", source=name)
    bits = no_bits(len(classes), ct.shape)
    voxels, points = {}, {}
    for k, key in enumerate(classes):
        if annotated[k]:
            mask = truth.mask(key)
            bits[k // BITS_PER_PLANE][mask] |= bits.dtype.type(1 << (k % BITS_PER_PLANE))
            if mask.any():
                voxels[k] = int(np.count_nonzero(mask))
                points[k] = _some_points(mask, rng, each_piece=STRUCTURES[key].is_lesion)
    hu = np.clip(np.nan_to_num(ct.voxels, nan=PADDING_HU), PADDING_HU, 3071).astype(np.int16)
    body = _some_points(hu > BODY_HU, rng, each_piece=False)
    sets, labels = distinct_sets(bits)
    return LabelledCase(name, hu, labels, checked(members(sets, len(classes)), name), annotated, voxels, points, body)


def checked(sets: NDArray[np.bool_], name: str) -> NDArray[np.bool_]:
    """Check that there are few enough label sets to be numbered.

    Raises:
        InputError: There are too many.
    """
    if len(sets) > MAX_SETS:
        raise InputError(f"{len(sets)} different combinations of classes, at most {MAX_SETS}", source=name)
    return sets


def _some_points(mask: NDArray[np.bool_], rng: np.random.Generator, *, each_piece: bool) -> NDArray[np.int16]:
    flat = np.flatnonzero(mask)
    if len(flat) == 0:
        return np.array([[n // 2 for n in mask.shape]], np.int16)
    return sample_locations(rng, flat, mask.shape, POINTS_PER_CLASS, each_piece=each_piece)
