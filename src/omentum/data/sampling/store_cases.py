"""Cases of a store as a sampler sees them: known from the index, read box by box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.data.sampling.cases import checked
from omentum.data.store.bitsets import from_integers, members
from omentum.data.store.store import Store
from omentum.data.store.stored_case import BODY, StoredCase
from omentum.errors import InputError
from omentum.fingerprint import SliceHashes


@dataclass(frozen=True, eq=False)
class StoreCase:
    """A case of a store with the model's classes; see `cases.TrainingCase`.

    Args:
        name: For messages and logs.
        shape: Number of voxels along x, y, z.
        annotated: bool [K], which classes were looked for.
        sets: bool [S, K], the sets of classes that occur, in the model's order and without what is not annotated.
        voxels: How many voxels each class has, for those that have one.
        store, stored: Where it is.
        keys: The class list.
    """

    name: str
    shape: tuple[int, int, int]
    annotated: NDArray[np.bool_]
    sets: NDArray[np.bool_] = field(repr=False)
    voxels: Mapping[int, int] = field(repr=False)
    store: Store = field(repr=False)
    stored: StoredCase = field(repr=False)
    keys: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, store: Store, stored: StoredCase, classes: Sequence[str]) -> StoreCase:
        """Look a case up in the index.

        Raises:
            InputError: too many sets of classes, or nothing annotated that the model knows.
        """
        source = store.folder(stored)
        annotated = np.array([key in stored.annotated for key in classes])
        if not annotated.any():
            raise InputError("none of the model's classes is annotated", source=source)
        theirs = members(from_integers(stored.sets, len(store.classes)), len(store.classes))
        sets, voxels = np.zeros((len(theirs), len(classes)), np.bool_), {}
        for k, key in enumerate(classes):
            if annotated[k]:
                sets[:, k] = theirs[:, store.classes.index(key)]
                if key in stored.structures:
                    voxels[k] = stored.structures[key].voxels
        checked(sets, str(source))
        return cls(stored.name, stored.shape, annotated, sets, voxels, store, stored, tuple(classes))

    @property
    def dataset(self) -> str:
        """Key of the recipe of the dataset that the case is from."""
        return self.stored.dataset

    @property
    def patient(self) -> str:
        """Name of the patient; "" where nobody says."""
        return self.stored.patient

    @property
    def hashes(self) -> SliceHashes:
        """Fingerprint of the scan; empty in a store of an earlier version."""
        return self.stored.hashes

    def places(self, k: int | None) -> NDArray[np.int16]:
        """Sampled voxels [n, 3] of a class that has one, or (None) of the body; reads one small file.

        Raises:
            InputError: it cannot be read.
        """
        places = self.store.samples(self.stored)[BODY if k is None else self.keys[k]]
        return places if len(places) else np.array([[n // 2 for n in self.shape]], np.int16)

    def box(self, start: Sequence[int], size: Sequence[int]) -> tuple[NDArray[np.int16], NDArray[Any]]:
        """HU and labels of a box that may reach beyond the case; reads the blocks it touches.

        Raises:
            InputError: it cannot be read.
        """
        return self.store.read_numbers(self.stored, start, size)
