"""Overlapping masks, packed: bit k of a voxel states whether it belongs to the k-th class of *this* segmentation."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering
from omentum.boxes import Box
from omentum.errors import GeometryError, UsageError
from omentum.formatting import listed
from omentum.sparse import sparse_zeros
from omentum.volume import Affine, Grid

BITS_PER_PLANE = 64
FEW_CLASSES = 32
"""Up to this number of classes, 32 bits a voxel suffice."""
_SLAB = 16
"""Planes processed together."""

Bits = NDArray[np.uint32] | NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """One yes/no mask per class on one grid; masks may overlap (a liver tumour is liver).

    Args:
        bits: Shape (planes, i, j, k) with planes = ceil(number of classes / 64); uint64, or uint32 for up to 32
            classes (see `no_bits`).
        affine: 4x4 voxel index -> RAS+ mm.
        classes: Structure keys, bit order.
        annotated: Keys that were searched for; the default is all classes. A class outside it is unknown,
            not absent.
        header: See `Volume.header`.

    Raises:
        GeometryError: bits have the wrong shape or dtype for the classes.
        UsageError: a class occurs twice, or annotated names a class that is not there.
    """

    bits: Bits
    affine: Affine
    classes: tuple[str, ...]
    annotated: frozenset[str] | None = None
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        classes = tuple(self.classes)
        planes, narrowest = planes_for(len(classes)), bits_dtype(len(classes))
        if self.bits.ndim != 4 or self.bits.shape[0] != planes or self.bits.dtype not in (narrowest, np.uint64):
            raise GeometryError(
                f"{len(classes)} classes need {narrowest} bits of shape ({planes}, i, j, k), "
                f"got {self.bits.dtype} {self.bits.shape}"
            )
        if len(set(classes)) != len(classes):
            raise UsageError(f"a class occurs twice in {classes}")
        annotated = frozenset(classes if self.annotated is None else self.annotated)
        if not annotated <= set(classes):
            raise UsageError(f"annotated but not a class here: {sorted(annotated - set(classes))}")
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "annotated", annotated)
        object.__setattr__(self, "affine", Grid(self.bits.shape[1:], self.affine).affine)

    def __repr__(self) -> str:
        """One line, without the voxels."""
        named = listed(self.classes)
        classes = f"{len(self.classes)} class{'' if len(self.classes) == 1 else 'es'}: {named}"
        return f"<{type(self).__name__} of {self.grid.words}; {classes}>"

    @classmethod
    def from_masks(
        cls, masks: Mapping[str, NDArray[np.bool_]], affine: Affine, annotated: Iterable[str] | None = None
    ) -> Segmentation:
        """Pack boolean masks of one shape, in the mapping's order."""
        shape = next(iter(masks.values())).shape
        bits = no_bits(len(masks), shape)
        for k, mask in enumerate(masks.values()):
            bits[k // BITS_PER_PLANE][mask] |= bits.dtype.type(1 << (k % BITS_PER_PLANE))
        return cls(bits, affine, tuple(masks), None if annotated is None else frozenset(annotated))

    @property
    def grid(self) -> Grid:
        """Grid of the masks: shape and affine."""
        return Grid(self.bits.shape[1:], self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        return self.grid.shape

    def mask(self, name: str, within: Box | None = None) -> NDArray[np.bool_]:
        """Boolean mask of a class, by key or synonym, on the segmentation's own grid.

        Args:
            name: Key or synonym.
            within: Only this part of the grid; everything by default.

        Raises:
            UsageError: the name is unknown or not among the classes.
        """
        k = self._position(name)
        voxels = self.bits[k // BITS_PER_PLANE][... if within is None else within]
        # One byte of each voxel is looked at, so that nothing many times the size of the mask is made on the way.
        byte, bit = divmod(k % BITS_PER_PLANE, 8)
        size = voxels.dtype.itemsize
        of_voxel = voxels.view([(f"byte{n}", np.uint8) for n in range(size)])
        its_byte = of_voxel[f"byte{byte if sys.byteorder == 'little' else size - 1 - byte}"]
        return np.asarray((its_byte & np.uint8(1 << bit)) != 0)

    def masks(self) -> LazyMasks:
        """All masks by key."""
        return LazyMasks(self.classes, self.mask)

    def boxes(self) -> dict[str, Box]:
        """The smallest box around each class that has a voxel, found in one pass for all classes."""
        around: dict[str, Box] = {}
        for start in range(0, len(self.classes), BITS_PER_PLANE):
            plane = self.bits[start // BITS_PER_PLANE]
            ij, jk = np.bitwise_or.reduce(plane, axis=2), np.bitwise_or.reduce(plane, axis=0)
            seen = [np.bitwise_or.reduce(a, axis=axis) for a, axis in ((ij, 1), (ij, 0), (jk, 0))]
            for n, key in enumerate(self.classes[start : start + BITS_PER_PLANE]):
                spans = [np.flatnonzero(along & along.dtype.type(1 << n)) for along in seen]
                if len(spans[0]):
                    i, j, k = (slice(int(span[0]), int(span[-1]) + 1) for span in spans)
                    around[key] = (i, j, k)
        return around

    def present(self) -> frozenset[str]:
        """Keys of the classes with at least one voxel."""
        ored = np.bitwise_or.reduce(self.bits.reshape(self.bits.shape[0], -1), axis=1)
        return frozenset(
            key for k, key in enumerate(self.classes) if int(ored[k // BITS_PER_PLANE]) >> (k % BITS_PER_PLANE) & 1
        )

    def part(self, within: Box) -> Segmentation:
        """The same masks in a part of the grid; a view."""
        corner = self.affine.copy()
        corner[:3, 3] = self.grid.to_world([s.start for s in within])
        return Segmentation(self.bits[:, *within], corner, self.classes, self.annotated)

    def subset(self, names: Iterable[str]) -> Segmentation:
        """Only the given classes, in the given order."""
        keys = tuple(STRUCTURES.find(name).key for name in names)
        bits = no_bits(len(keys), self.shape)
        for k, key in enumerate(keys):
            bits[k // BITS_PER_PLANE][self.mask(key)] |= bits.dtype.type(1 << (k % BITS_PER_PLANE))
        assert self.annotated is not None
        return Segmentation(bits, self.affine, keys, self.annotated & set(keys), self.header)

    def labelmap(self) -> NDArray[np.uint16]:
        """One template number a voxel, 0 for none; lesions paint over vessels, vessels over organs.

        Within a kind the order is the structures' written `paint` order (see structures.toml).
        """
        out = np.zeros(self.shape, np.uint16, order="F")  # as files have it
        around = self.boxes()
        for key in sorted(around, key=lambda k: STRUCTURES[k].paint_order):
            out[around[key]][self.mask(key, around[key])] = STRUCTURES[key].index
        return out

    def numbered(self, numbering: Numbering) -> NDArray[np.uint16]:
        """One number a voxel in a dataset's own values, 0 for none; see `Numbering`."""
        out = np.zeros(self.shape, np.uint16, order="F")
        around = self.boxes()
        for entry in numbering.entries:
            for key in (*entry.structures, *entry.also):
                if key in around:
                    drawn = self.mask(key, around[key])
                    if entry.within:
                        drawn &= self.any_of(entry.within, around[key])
                    out[around[key]][drawn] = entry.value
        return out

    def any_of(self, keys: Iterable[str], within: Box) -> NDArray[np.bool_]:
        """Where in a box any of these classes is; keys that are no class are passed over."""
        of_plane: dict[int, int] = {}
        for k in (self.classes.index(key) for key in keys if key in self.classes):
            of_plane[k // BITS_PER_PLANE] = of_plane.get(k // BITS_PER_PLANE, 0) | 1 << (k % BITS_PER_PLANE)
        found = np.zeros(tuple(s.stop - s.start for s in within), bool)
        for plane, bits in of_plane.items():
            found |= (self.bits[plane][within] & self.bits.dtype.type(bits)) != 0
        return found

    def _position(self, name: str) -> int:
        key = STRUCTURES.find(name).key
        if key not in self.classes:
            raise UsageError(f"no class {key!r} in this segmentation", remedy=f"it has {', '.join(self.classes)}")
        return self.classes.index(key)


def planes_for(number_of_classes: int) -> int:
    """Number of planes that hold a number of classes (at least one)."""
    return max(1, -(-number_of_classes // BITS_PER_PLANE))


def bits_dtype(number_of_classes: int) -> np.dtype[Any]:
    """The narrower integer that has a bit for each class of a plane."""
    return np.dtype(np.uint32 if number_of_classes <= FEW_CLASSES else np.uint64)


def no_bits(number_of_classes: int, shape: Sequence[int]) -> Bits:
    """Allocate empty masks of a number of classes; memory is used only where they are written to."""
    return sparse_zeros((planes_for(number_of_classes), *shape), bits_dtype(number_of_classes))


def first_classes(bits: Bits, number: int) -> Bits:
    """Masks of the first classes alone; the bits of the others are cleared in place."""
    kept = bits[: planes_for(number)]
    kept[-1] &= kept.dtype.type((1 << (number - (len(kept) - 1) * BITS_PER_PLANE)) - 1)
    return kept


def in_several(bits: Bits) -> NDArray[np.bool_]:
    """Where more than one class is.

    Args:
        bits: Packed masks, or a part of them, shape (planes, i, j, k).

    Returns:
        bool (i, j, k).
    """
    several, some = np.zeros(bits.shape[1:], np.bool_), np.zeros(bits.shape[1:], np.bool_)
    for plane in bits:
        several |= (plane & (plane - plane.dtype.type(1))) != 0  # more than the lowest bit
        several |= some & (plane != 0)
        some |= plane != 0
    return several


def overlaps(seg: Segmentation) -> dict[frozenset[str], int]:
    """How many voxels belong to each set of two or more structures, in one pass over the masks."""
    counts: Counter[tuple[int, ...]] = Counter()
    for start in range(0, seg.shape[0], _SLAB):
        part = seg.bits[:, start : start + _SLAB]
        rows, times = np.unique(part[:, in_several(part)], axis=1, return_counts=True)
        counts.update(dict(zip(map(tuple, rows.T.tolist()), times.tolist(), strict=True)))
    return {_keys(bits, seg.classes): n for bits, n in counts.items()}


def _keys(bits: tuple[int, ...], classes: Sequence[str]) -> frozenset[str]:
    return frozenset(key for k, key in enumerate(classes) if bits[k // BITS_PER_PLANE] >> (k % BITS_PER_PLANE) & 1)


class LazyMasks(Mapping[str, NDArray[np.bool_]]):
    """Masks by key that are made when they are asked for: all of a large CT at once would fill the memory.

    Args:
        keys: The keys.
        mask_of: Makes the mask of a key.
    """

    def __init__(self, keys: Iterable[str], mask_of: Callable[[str], NDArray[np.bool_]]) -> None:
        self._keys, self._mask_of = tuple(keys), mask_of

    def __getitem__(self, key: str) -> NDArray[np.bool_]:
        if key not in self._keys:
            raise KeyError(key)
        return self._mask_of(key)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
