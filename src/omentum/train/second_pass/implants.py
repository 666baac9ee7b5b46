"""Synthetic lesions that are put into crops: a new one each time, where a case has the same few in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.phantom.lesions.crop_implant import implant_in_crop
from omentum.spec import PreprocessSpec
from omentum.train.second_pass.cases import FIRST_CLASS, INSIDE
from omentum.volume import Grid

UNSEEN = 0.25
"""Share of lesions that the first pass does not take for a part of the organ."""
REPLACED = ("hepatic_vessel",)
"""What a lesion takes the place of."""


@dataclass(frozen=True)
class Implant:
    """A lesion to put into a crop.

    Args:
        structure: Its key.
        classes: Keys of all classes of the second pass, in channel order.
    """

    structure: str
    classes: tuple[str, ...]

    def put_into(
        self,
        relative: NDArray[np.float32],
        bits: NDArray[np.unsignedinteger],
        channels: Sequence[int],
        spec: PreprocessSpec,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], NDArray[np.unsignedinteger]]:
        """The crop with the lesion; as it was where there is no room, or the lesion is not annotated.

        Args:
            relative: HU relative to the organ's median, [x, y, z].
            bits: See `OrganBox`, [x, y, z].
            channels: Of the crop.
            spec: Its spacing counts.
            rng: Source of randomness.
        """
        bit = {self.classes[k]: bits.dtype.type(1 << (FIRST_CLASS + n)) for n, k in enumerate(channels)}
        if self.structure not in bit:
            return relative, bits
        inside = bits.dtype.type(1 << INSIDE)
        lesions = sum((one for key, one in bit.items() if STRUCTURES[key].is_lesion), bits.dtype.type(0))
        room = (bits & (inside | lesions)) == inside
        grid = Grid(relative.shape, np.diag([*spec.spacing_mm, 1.0]))
        lesion = implant_in_crop(rng, relative, room, grid, self.structure) if room.any() else None
        if lesion is None:
            return relative, bits
        changed = bits.copy()
        for key in lesion.structures:
            changed[lesion.mask] |= bit.get(key, bits.dtype.type(0))
        for key in REPLACED:
            changed[lesion.mask] &= ~bit.get(key, bits.dtype.type(0))
        if rng.random() < UNSEEN:
            changed[lesion.mask] &= ~inside
        return lesion.hu, changed


@dataclass(frozen=True)
class Implants:
    """Which lesions are put into crops.

    Args:
        probability: That a crop of a region with lesions to put into it gets one.
        structures: Of each region, keys of lesions.
        classes: Keys of all classes of the second pass, in channel order.
    """

    probability: float
    structures: Sequence[Sequence[str]]
    classes: tuple[str, ...]

    def draw(self, region: int, rng: np.random.Generator) -> Implant | None:
        """A lesion for a crop of a region, or none; without a draw where the region has none at all."""
        if self.probability == 0 or not self.structures or not self.structures[region]:
            return None
        if rng.random() >= self.probability:
            return None
        keys = self.structures[region]
        return Implant(keys[int(rng.integers(len(keys)))], self.classes)


NO_IMPLANTS = Implants(0.0, (), ())
