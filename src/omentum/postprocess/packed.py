"""Changing masks where they lie, packed, and keeping account of what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from omentum.postprocess.boxes import around
from omentum.postprocess.components import Mask
from omentum.segmentation import BITS_PER_PLANE, Box, Segmentation


@dataclass(frozen=True)
class Change:
    """What one rule did to one structure.

    Args:
        structure: Its key.
        rule: Name of the rule.
        removed_ml, added_ml: How much of it.
    """

    structure: str
    rule: str
    removed_ml: float
    added_ml: float

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self) | {"removed_ml": round(self.removed_ml, 3), "added_ml": round(self.added_ml, 3)}


@dataclass(eq=False)
class Workbench:
    """A segmentation whose bits are changed in place.

    Args:
        seg: Its bits must be ours to write to.
    """

    seg: Segmentation
    _removed: dict[tuple[str, str], int] = field(default_factory=dict, init=False)
    _added: dict[tuple[str, str], int] = field(default_factory=dict, init=False)
    _boxes: dict[str, Box] = field(init=False)

    def __post_init__(self) -> None:
        self._boxes = self.seg.boxes()

    def box(self, key: str) -> Box | None:
        """A box around all of a structure, small but not always the smallest; None when it was empty at the start."""
        return self._boxes.get(key)

    def narrow(self, key: str, boxes: Sequence[Box]) -> None:
        """A structure now lies in these boxes only."""
        if boxes:
            self._boxes[key] = around(boxes)
        else:
            self._boxes.pop(key, None)

    def mask(self, key: str, box: Box) -> Mask:
        """See `Segmentation.mask`."""
        return self.seg.mask(key, box)

    def remove(self, key: str, rule: str, box: Box, voxels: Mask) -> None:
        """Take voxels, all of them in the mask, from a structure."""
        plane, bit = self._plane(key)
        part = plane[box]
        np.bitwise_and(part, ~bit, out=part, where=voxels)
        self._count(self._removed, key, rule, voxels)

    def add(self, key: str, rule: str, box: Box, voxels: Mask) -> None:
        """Give voxels, none of them in the mask, to a structure."""
        plane, bit = self._plane(key)
        part = plane[box]
        np.bitwise_or(part, bit, out=part, where=voxels)
        self.narrow(key, [self._boxes.get(key, box), box])
        self._count(self._added, key, rule, voxels)

    def others(self, keys: Collection[str], box: Box) -> Mask:
        """Where a structure other than `keys` is."""
        found = np.zeros([s.stop - s.start for s in box], bool)
        for number, plane in enumerate(self.seg.bits):
            classes = self.seg.classes[number * BITS_PER_PLANE : (number + 1) * BITS_PER_PLANE]
            bits = sum(1 << n for n, key in enumerate(classes) if key not in keys)
            found |= (plane[box] & np.uint64(bits)) != 0
        return found

    def changes(self) -> tuple[Change, ...]:
        """What was done, by structure and rule."""
        ml = self.seg.grid.voxel_volume_ml
        done = dict.fromkeys([*self._removed, *self._added])
        return tuple(
            Change(key, rule, self._removed.get((key, rule), 0) * ml, self._added.get((key, rule), 0) * ml)
            for key, rule in done
        )

    def _plane(self, key: str) -> tuple[np.ndarray, np.uint64]:
        k = self.seg.classes.index(key)
        return self.seg.bits[k // BITS_PER_PLANE], np.uint64(1 << (k % BITS_PER_PLANE))

    @staticmethod
    def _count(account: dict[tuple[str, str], int], key: str, rule: str, voxels: Mask) -> None:
        number = int(np.count_nonzero(voxels))
        if number:
            account[key, rule] = account.get((key, rule), 0) + number


def changes_json(changes: Collection[Change]) -> list[Mapping[str, Any]]:
    """For the manifest."""
    return [change.to_json() for change in changes]
