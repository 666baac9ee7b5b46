"""Assign sides to labels such as "kidneys", and check labels with sides against the body."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import PAIRS
from omentum.boxes import Box, around
from omentum.data.harmonise.label_bits import LabelBits, Names, looked_up
from omentum.data.harmonise.notes import Note
from omentum.data.harmonise.split_pair import Mask, split_sides
from omentum.midline.plane import Midline
from omentum.midline.spine import find_midline
from omentum.volume import Affine, Grid


class LazyMidline:
    """Computes the midline of a CT on first use."""

    def __init__(self, hu: NDArray[Any] | None, affine: Affine) -> None:
        self._hu, self._affine = hu, affine
        self._found: list[Midline | None] = []

    @property
    def midline(self) -> Midline | None:
        """Midline from `find_midline`; None without a CT."""
        if not self._found:
            self._found = [None if self._hu is None else find_midline(self._hu, self._affine)]
        return self._found[0]


def settle_sides(marks: LabelBits, affine: Affine, body: LazyMidline) -> tuple[frozenset[str], list[Note]]:
    """Assign a side to every voxel of a pair, in place.

    A voxel with exactly one side keeps it. A voxel with no side ("kidneys") or with both (conflicting masks) is
    assigned by the position of its component; see `omentum.data.harmonise.split_pair`.

    Returns:
        Structures whose side could not be determined (not to be counted as annotated), and notes.
    """
    boxes = marks.boxes()
    unsure: set[str] = set()
    notes: list[Note] = []
    for pair, (right, left) in PAIRS.items():
        within = [boxes[key] for key in (pair, right, left) if key in boxes]
        if not within:
            continue
        box = around(within)
        part_affine = _shifted(affine, box)
        is_open, at_odds = _open_voxels(marks, box, pair)
        if at_odds:
            notes.append(Note("conflict", f"{at_odds} voxels claimed by both {pair} went to the side they lie on"))
        if is_open.any():
            doubt, told = _settle(marks, box, pair, is_open, part_affine, body)
            notes += told
            unsure |= {right, left} if doubt else set()
        else:
            notes += _swapped(marks, box, pair, part_affine)
    return frozenset(unsure), notes


def _shifted(affine: Affine, box: Box) -> Affine:
    shifted = np.array(affine, np.float64)
    shifted[:3, 3] += shifted[:3, :3] @ [s.start for s in box]
    return shifted


def _open_voxels(marks: LabelBits, box: Box, pair: str) -> tuple[Mask, int]:
    """Voxels of a pair without exactly one side, and the number of voxels with both."""
    sides = frozenset(PAIRS[pair])
    at_odds = marks.table(sides.issubset)
    is_open = at_odds | marks.table(lambda names: pair in names and sides.isdisjoint(names))
    part = marks.numbers[box]
    return looked_up(is_open, part), int(np.count_nonzero(looked_up(at_odds, part))) if at_odds.any() else 0


def _settle(
    marks: LabelBits, box: Box, pair: str, is_open: Mask, affine: Affine, body: LazyMidline
) -> tuple[bool, list[Note]]:
    right, left = PAIRS[pair]
    smallest_ml = min(STRUCTURES[key].volume_ml[0] for key in PAIRS[pair])
    sides = split_sides(marks.mask((pair, right, left), box), affine, body.midline, smallest_ml)
    marks.change(is_open & sides.right, lambda names: _on_side(names, left, right), box)
    marks.change(is_open & ~sides.right, lambda names: _on_side(names, right, left), box)
    notes = [Note("sides", f"{pair}: {sides.remark}")] if sides.remark else []
    if sides.doubt:
        notes.append(Note("unsure sides", f"{pair}: {sides.doubt}; neither side counts as annotated"))
    return bool(sides.doubt), notes


def _on_side(names: Names, other: str, side: str) -> Names:
    return names - {other} | {side}


def _swapped(marks: LabelBits, box: Box, pair: str, affine: Affine) -> list[Note]:
    """Notes on labels whose right organ lies left of the left one; the labels are kept."""
    right, left = PAIRS[pair]
    x_mm = [_mean_x_mm(marks.mask((key,), box), affine) for key in (right, left)]
    if np.isfinite(x_mm).all() and x_mm[0] < x_mm[1]:
        return [Note("swapped sides", f"{right} lies left of {left}: is the image mirrored, or are the names swapped?")]
    return []


def _mean_x_mm(mask: Mask, affine: Affine) -> float:
    count = int(np.count_nonzero(mask))
    if not count:
        return float("nan")
    middle = []
    for axis, n in enumerate(mask.shape):
        along = np.count_nonzero(mask, axis=tuple(a for a in range(3) if a != axis))
        middle.append(float(along @ np.arange(n)) / count)
    return float(Grid(mask.shape, affine).to_world(middle)[0])
