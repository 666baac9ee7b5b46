"""Cases of a store as the sampler sees them: described by the index, read box by box."""

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
        annotated: bool [K], the annotated classes.
        sets: bool [S, K], the class sets that occur, in the model's order and without classes that are not annotated.
        voxels: Number of voxels of each class that occurs.
        store, stored: The store and the case's entry in it.
        keys: Class keys.
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
        """Create a case from its entry in the index.

        Raises:
            InputError: There are too many class sets, or no model class is annotated.
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
        """Recipe key of the case's dataset."""
        return self.stored.dataset

    @property
    def patient(self) -> str:
        """Patient identifier; "" if unknown."""
        return self.stored.patient

    @property
    def hashes(self) -> SliceHashes:
        """Fingerprint of the scan; empty in stores of earlier versions."""
        return self.stored.hashes

    def places(self, k: int | None) -> NDArray[np.int16]:
        """Sampled voxels int16 [n, 3] of class `k`, or of the body if `k` is None; reads one small file.

        Raises:
            InputError: The file cannot be read.
        """
        places = self.store.samples(self.stored)[BODY if k is None else self.keys[k]]
        return places if len(places) else np.array([[n // 2 for n in self.shape]], np.int16)

    def box(self, start: Sequence[int], size: Sequence[int]) -> tuple[NDArray[np.int16], NDArray[Any]]:
        """HU and labels of a box that may extend beyond the case; reads only the blocks it touches.

        Raises:
            InputError: The case cannot be read.
        """
        return self.store.read_numbers(self.stored, start, size)
