"""What each voxel of a scan is marked as: a number a voxel, and the names that each number stands for.

A name is a structure, or a pair where left still has to be told from right, or `UNKNOWN`. Of these there may be any
number; how many combinations of them a scan has is another matter, and a small one. What is done to all voxels of a
combination is done to its row in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.boxes import Box, around
from omentum.data.datasets.recipe import Target
from omentum.errors import InputError
from omentum.segmentation import BITS_PER_PLANE, Bits, bits_dtype, planes_for

Names = frozenset[str]
UNKNOWN = "?"
"""Mark of what is part of some structure, nobody knows of which."""

MAX_COMBINATIONS = 1 << 16
WHOLE: Box = (slice(None), slice(None), slice(None))


def mark_of(target: Target) -> Names:
    """The names a voxel of this meaning gets."""
    return frozenset((UNKNOWN,)) if target.unknown else target.structures | target.pairs


class LabelBits:
    """LabelBits of a scan without any, to be filled.

    Args:
        shape: Number of voxels along i, j, k.

    Attributes:
        numbers: uint16 [i, j, k] in Fortran order: a slice of a NIfTI or DICOM volume is one run of memory.
        combinations: What each number stands for; the first one is nothing. Two may be alike.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.numbers = np.zeros(shape, np.uint16, order="F")
        self.combinations: list[Names] = [frozenset()]
        self._counts: NDArray[np.int64] | None = None

    def number_of(self, names: Names) -> int:
        """The number of a combination, given out now if it has none.

        Raises:
            InputError: there are more combinations than numbers.
        """
        try:
            return self.combinations.index(names)
        except ValueError:
            if len(self.combinations) == MAX_COMBINATIONS:
                raise InputError(f"holds more than {MAX_COMBINATIONS} different overlaps of structures") from None
            self.combinations.append(names)
            return len(self.combinations) - 1

    def table(self, holds: Callable[[Names], bool]) -> NDArray[np.bool_]:
        """For each number whether its combination is such a one."""
        return np.array([holds(names) for names in self.combinations])

    def holding(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """For each number whether it stands for any of some names."""
        wanted = frozenset(names)
        return self.table(lambda held: not wanted.isdisjoint(held))

    def mask(self, names: Iterable[str], box: Box = WHOLE) -> NDArray[np.bool_]:
        """Voxels of a box that have any of some names, in Fortran order."""
        return looked_up(self.holding(names), self.numbers[box])

    def change(self, voxels: NDArray[np.bool_], to: Callable[[Names], Names], box: Box = WHOLE) -> None:
        """Give some voxels of a box other names.

        Args:
            voxels: Of the shape of the box.
            to: Old names -> new ones.
            box: A part of the scan.
        """
        self._counts = None
        table, done = np.zeros(len(self.combinations), np.uint16), np.zeros(len(self.combinations), np.bool_)
        for plane, here in zip(self.numbers[box].T, voxels.T, strict=True):
            found = plane[here]
            for number in np.flatnonzero(np.bincount(found, minlength=len(done)).astype(np.bool_) & ~done):
                table[number], done[number] = self.number_of(to(self.combinations[number])), True
            plane[here] = table[found]

    def change_all(self, to: Callable[[Names], Names]) -> None:
        """Give every voxel other names."""
        self.combinations = [to(names) for names in self.combinations]

    def counts(self) -> NDArray[np.int64]:
        """How many voxels have each number; remembered until `change`."""
        if self._counts is None:
            self._counts = np.zeros(len(self.combinations), np.int64)
            for plane in self.numbers.T:
                self._counts += np.bincount(plane.ravel(), minlength=len(self._counts))
        return self._counts

    def present(self) -> Names:
        """Every name that a voxel has."""
        names = (self.combinations[n] for n in np.flatnonzero(self.counts()))
        return frozenset[str]().union(*names)

    def boxes(self) -> dict[str, Box]:
        """The smallest box around each name that a voxel has."""
        found: dict[str, Box] = {}
        for names, box in zip(self.combinations[1:], ndimage.find_objects(self.numbers.T), strict=False):
            for name in names if box else ():
                found[name] = around([found[name], box[::-1]] if name in found else [box[::-1]])
        return found

    def bits(self, classes: Sequence[str]) -> Bits:
        """[planes, i, j, k], as in `Segmentation` over these classes."""
        table = np.zeros((planes_for(len(classes)), len(self.combinations)), bits_dtype(len(classes)))
        for k, key in enumerate(classes):
            plane, bit = divmod(k, BITS_PER_PLANE)
            table[plane, self.holding((key,))] |= table.dtype.type(1 << bit)
        bits = np.empty((len(table), *self.numbers.shape[::-1]), table.dtype).transpose(0, 3, 2, 1)
        for plane, row in zip(bits, table, strict=True):
            looked_up(row, self.numbers, plane)
        return bits


def looked_up(table: NDArray[Any], numbers: NDArray[np.uint16], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The entry of each number, slice by slice: indices take four times the memory of numbers.

    Args:
        table: By number.
        numbers: [i, j, k].
        out: Filled and returned; made in Fortran order by default.
    """
    out = np.empty(numbers.shape, table.dtype, order="F") if out is None else out
    for found, plane in zip(out.T, numbers.T, strict=True):
        found[:] = table[plane]
    return out
