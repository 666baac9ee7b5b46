"""Labels of a scan as an integer per voxel and a table of the label set each integer stands for.

A label is a structure, a pair without a side, or `UNKNOWN`. There may be any number of labels, but a scan contains only
few combinations of them. An operation on all voxels of a combination edits one row of the table.
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
    """Labels of a voxel with this meaning."""
    return frozenset((UNKNOWN,)) if target.unknown else target.structures | target.pairs


class LabelBits:
    """Labels of a scan, initially empty.

    Args:
        shape: Number of voxels along i, j, k.

    Attributes:
        numbers: uint16 [i, j, k] in Fortran order, so that a slice of a NIfTI or DICOM volume is contiguous.
        combinations: Label set of each number; the first one is empty. Entries may repeat.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.numbers = np.zeros(shape, np.uint16, order="F")
        self.combinations: list[Names] = [frozenset()]
        self._counts: NDArray[np.int64] | None = None

    def number_of(self, names: Names) -> int:
        """Number of a label set; a new one is assigned if necessary.

        Raises:
            InputError: There are more combinations than numbers.
        """
        try:
            return self.combinations.index(names)
        except ValueError:
            if len(self.combinations) == MAX_COMBINATIONS:
                raise InputError(f"holds more than {MAX_COMBINATIONS} different overlaps of structures") from None
            self.combinations.append(names)
            return len(self.combinations) - 1

    def table(self, holds: Callable[[Names], bool]) -> NDArray[np.bool_]:
        """For each number, whether its label set satisfies a predicate."""
        return np.array([holds(names) for names in self.combinations])

    def holding(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """For each number, whether its label set contains any of the given names."""
        wanted = frozenset(names)
        return self.table(lambda held: not wanted.isdisjoint(held))

    def mask(self, names: Iterable[str], box: Box = WHOLE) -> NDArray[np.bool_]:
        """Mask of the voxels in a box that carry any of the given names, in Fortran order."""
        return looked_up(self.holding(names), self.numbers[box])

    def change(self, voxels: NDArray[np.bool_], to: Callable[[Names], Names], box: Box = WHOLE) -> None:
        """Relabel some voxels of a box.

        Args:
            voxels: Boolean mask with the shape of the box.
            to: Maps old label sets to new ones.
            box: Part of the scan.
        """
        self._counts = None
        table, done = np.zeros(len(self.combinations), np.uint16), np.zeros(len(self.combinations), np.bool_)
        for plane, here in zip(self.numbers[box].T, voxels.T, strict=True):
            found = plane[here]
            for number in np.flatnonzero(np.bincount(found, minlength=len(done)).astype(np.bool_) & ~done):
                table[number], done[number] = self.number_of(to(self.combinations[number])), True
            plane[here] = table[found]

    def change_all(self, to: Callable[[Names], Names]) -> None:
        """Relabel every voxel."""
        self.combinations = [to(names) for names in self.combinations]

    def counts(self) -> NDArray[np.int64]:
        """Number of voxels per label number; cached until the next `change`."""
        if self._counts is None:
            self._counts = np.zeros(len(self.combinations), np.int64)
            for plane in self.numbers.T:
                self._counts += np.bincount(plane.ravel(), minlength=len(self._counts))
        return self._counts

    def present(self) -> Names:
        """All names with at least one voxel."""
        names = (self.combinations[n] for n in np.flatnonzero(self.counts()))
        return frozenset[str]().union(*names)

    def boxes(self) -> dict[str, Box]:
        """Bounding box of each name with at least one voxel."""
        found: dict[str, Box] = {}
        for names, box in zip(self.combinations[1:], ndimage.find_objects(self.numbers.T), strict=False):
            for name in names if box else ():
                found[name] = around([found[name], box[::-1]] if name in found else [box[::-1]])
        return found

    def bits(self, classes: Sequence[str]) -> Bits:
        """Packed bits [planes, i, j, k], as in `Segmentation` over these classes."""
        table = np.zeros((planes_for(len(classes)), len(self.combinations)), bits_dtype(len(classes)))
        for k, key in enumerate(classes):
            plane, bit = divmod(k, BITS_PER_PLANE)
            table[plane, self.holding((key,))] |= table.dtype.type(1 << bit)
        bits = np.empty((len(table), *self.numbers.shape[::-1]), table.dtype).transpose(0, 3, 2, 1)
        for plane, row in zip(bits, table, strict=True):
            looked_up(row, self.numbers, plane)
        return bits


def looked_up(table: NDArray[Any], numbers: NDArray[np.uint16], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Table lookup slice by slice, because index arrays take four times the memory of the numbers.

    Args:
        table: Indexed by number.
        numbers: Label numbers [i, j, k].
        out: Output array, filled and returned; a new Fortran-order array by default.
    """
    out = np.empty(numbers.shape, table.dtype, order="F") if out is None else out
    for found, plane in zip(out.T, numbers.T, strict=True):
        found[:] = table[plane]
    return out
