"""In-place editing of packed masks, with a record of every change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.json_values import from_json_values
from omentum.postprocess.coarse import CoarseMasks, Mask, Sets
from omentum.segmentation import BITS_PER_PLANE, Segmentation


@dataclass(frozen=True)
class MaskChange:
    """Effect of one rule on one structure.

    Args:
        structure: Its key.
        rule: Name of the rule.
        removed_ml, added_ml: Volume removed and added.
    """

    structure: str
    rule: str
    removed_ml: float
    added_ml: float

    def to_json(self) -> dict[str, Any]:
        """The change as JSON-serialisable values, volumes rounded to 0.001 ml."""
        return asdict(self) | {"removed_ml": round(self.removed_ml, 3), "added_ml": round(self.added_ml, 3)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> MaskChange:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


class MaskEditor:
    """Edits the bits of a segmentation in place.

    Args:
        seg: Its bits are modified.
    """

    def __init__(self, seg: Segmentation) -> None:
        self.seg = seg
        self._coarse = CoarseMasks(seg.bits)
        self._voxels: dict[tuple[str, str], list[int]] = {}

    def bits(self, *keys: str) -> Sets:
        """Bits of some classes combined: plane -> bits, for planes that have any."""
        of_plane: dict[int, int] = {}
        for key in keys:
            plane, bit = divmod(self.seg.classes.index(key), BITS_PER_PLANE)
            of_plane[plane] = of_plane.get(plane, 0) | 1 << bit
        return {plane: self.seg.bits.dtype.type(bits) for plane, bits in of_plane.items()}

    def mask(self, box: Box, *keys: str) -> Mask:
        """The union of some structures in a box."""
        if len(keys) == 1:
            return self.seg.mask(keys[0], box)
        found = np.zeros([s.stop - s.start for s in box], np.bool_)
        for plane, bits in self.bits(*keys).items():
            found |= (self.seg.bits[plane][box] & bits) != 0
        return found

    def islands(self, *keys: str) -> Iterator[tuple[Box, Mask]]:
        """Yield the union of some structures in disconnected parts: a box, and the mask of the part in it.

        Boxes may overlap; a mask contains its own part only and may be empty.
        """
        for box, within in self._coarse.islands(self.bits(*keys)):
            mask = self.mask(box, *keys)
            yield box, mask if within is None else mask & within

    def has(self, *keys: str) -> bool:
        """Whether the union of some structures has a voxel."""
        return self._coarse.any(self.bits(*keys))

    def shared_box(self, one: str, other: str) -> Box | None:
        """Box around the voxels that two structures may share; None if there are none."""
        return self._coarse.any_shared(self.bits(one), self.bits(other))

    def remove(self, key: str, rule: str, box: Box, voxels: Mask) -> None:
        """Remove voxels from a structure, recorded under the name of a rule."""
        part, bit = self._part(key, box)
        self._count(key, rule, 0, voxels & ((part & bit) != 0))
        np.bitwise_and(part, ~bit, out=part, where=voxels)
        self._look_again(key, box)

    def add(self, key: str, rule: str, box: Box, voxels: Mask) -> None:
        """Add voxels to a structure, recorded under the name of a rule."""
        part, bit = self._part(key, box)
        self._count(key, rule, 1, voxels & ((part & bit) == 0))
        np.bitwise_or(part, bit, out=part, where=voxels)
        self._look_again(key, box)

    def others(self, keys: Collection[str], box: Box) -> Mask:
        """Mask of all structures other than `keys`."""
        return self.mask(box, *(key for key in self.seg.classes if key not in keys))

    def changes(self) -> tuple[MaskChange, ...]:
        """All changes so far, in order."""
        ml = self.seg.grid.voxel_volume_ml
        return tuple(MaskChange(*where, removed * ml, added * ml) for where, (removed, added) in self._voxels.items())

    def _part(self, key: str, box: Box) -> tuple[NDArray[np.unsignedinteger[Any]], np.unsignedinteger[Any]]:
        """View of a box in the plane of a structure, and the structure's bit in it."""
        ((plane, bit),) = self.bits(key).items()
        return self.seg.bits[plane][box], bit

    def _look_again(self, key: str, box: Box) -> None:
        whole = self._coarse.aligned(box)
        self._coarse.update(self.bits(key), whole, self.mask(whole, key))

    def _count(self, key: str, rule: str, which: int, voxels: Mask) -> None:
        number = int(np.count_nonzero(voxels))
        if number:
            self._voxels.setdefault((key, rule), [0, 0])[which] += number


def changes_json(changes: Collection[MaskChange]) -> list[Mapping[str, Any]]:
    """All changes as JSON-serialisable values, for the manifest."""
    return [change.to_json() for change in changes]
