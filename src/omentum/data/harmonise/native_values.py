"""Convert a label map of any dtype: look up values, round fractions, count unknown values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.boxes import bounding_box
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.label_bits import LabelBits, mark_of
from omentum.data.harmonise.notes import Note
from omentum.errors import InputError
from omentum.formatting import listed

ROUNDING = 1e-3
"""A label stored as a fraction is a whole number when it is at most this far from one."""
MOST_STRAYS = 64
"""More unknown values than this are no slip of an annotator: the file is no label map of this dataset."""
ENCLOSED_SHARE = 1 / 3
"""A stray region with this much of its surroundings labelled is part of what is labelled, or was cut out of it."""

_TABLE_LENGTH = 1 << 16


@dataclass
class _Tally:
    """Counters collected while reading a label map."""

    counts: Counter[int]
    fractions: int = 0
    worst: float = 0.0
    not_finite: int = 0


def marks_of_map(
    native: NDArray[Any], values: Mapping[int, Target], known: Iterable[int], annotated: frozenset[str]
) -> tuple[LabelBits, list[Note], int]:
    """Look up every voxel, slice by slice.

    Args:
        native: Label map [i, j, k] of integers in any dtype; fractions are rounded, with a note.
        values: Meaning of the label values.
        known: Label values that map to nothing and are not stray; 0 is always included.
        annotated: Annotated structures, to decide whether a stray value lies inside one.

    Returns:
        Label bits, notes, and the voxel count of the most frequent unknown value.

    Raises:
        InputError: The map contains far more unknown values than a label map should.
    """
    marks = LabelBits(native.shape)
    # An empty entry at either end: values outside the known range are clipped to it.
    first = min(0, *values) - 1 if any(value < 0 for value in values) else 0
    table = np.zeros(max(values, default=0) - first + 2, np.uint16)
    for value, target in values.items():
        table[value - first] = marks.number_of(mark_of(target))
    tally = _Tally(Counter())
    # Transposed, a slice of a NIfTI or DICOM volume is contiguous.
    for plane, marked in zip(native.T, marks.numbers.T, strict=True):
        whole = _whole(plane, tally)
        _count(whole, tally.counts)
        marked[:] = table.take(whole.astype(np.int64) - first if first else whole, mode="clip")
    strays = sorted(v for v in tally.counts if v != 0 and v not in values and v not in set(known))
    inside = [v for v in strays[:MOST_STRAYS] if _enclosed(native, v, marks, annotated)]
    notes = [*_rounding_notes(tally), *_stray_notes(strays, inside, tally.counts)]
    return marks, notes, max((tally.counts[value] for value in strays), default=0)


def _whole(plane: NDArray[Any], tally: _Tally) -> NDArray[Any]:
    if plane.dtype.kind in "iub":
        return plane
    bad = ~np.isfinite(plane) | (np.abs(plane) > np.iinfo(np.int32).max)
    if bad.any():
        tally.not_finite += int(np.count_nonzero(bad))
        plane = np.where(bad, 0, plane)
    whole = np.rint(plane)
    off = np.abs(plane - whole)
    tally.worst = max(tally.worst, float(off.max(initial=0)))
    tally.fractions += int(np.count_nonzero(off > ROUNDING))
    return np.asarray(whole, np.int64)


def _count(plane: NDArray[Any], counts: Counter[int]) -> None:
    if plane.min(initial=0) >= 0 and plane.max(initial=0) < _TABLE_LENGTH:
        found = np.bincount(plane.ravel())
        numbers = np.flatnonzero(found)
        found = found[numbers]
    else:
        numbers, found = np.unique(plane, return_counts=True)
    for number, n in zip(numbers.tolist(), found.tolist(), strict=True):
        counts[number] += n


def _rounding_notes(tally: _Tally) -> list[Note]:
    notes = []
    if tally.not_finite:
        notes.append(Note("rounded", f"{tally.not_finite} voxels are no number; taken as not labelled"))
    if tally.fractions:
        text = f"{tally.fractions} voxels hold fractions (off by up to {tally.worst:.2g}) and were rounded; resampled?"
        notes.append(Note("rounded", text))
    return notes


def _stray_notes(strays: list[int], inside: list[int], counts: Counter[int]) -> list[Note]:
    if len(strays) > MOST_STRAYS:
        raise InputError(
            f"holds {len(strays)} values that the recipe does not know, {strays[0]} to {strays[-1]}",
            remedy="is it a label map, and of this dataset?",
        )
    notes = []
    if inside:
        text = "unknown values within or along labelled structures, which may lack them"
        notes.append(Note("stray inside", f"{text}: {_shown(inside, counts)}"))
    if outside := [v for v in strays if v not in inside]:
        notes.append(Note("stray", f"unknown values, taken as not labelled: {_shown(outside, counts)}"))
    return notes


def _enclosed(native: NDArray[Any], value: int, marks: LabelBits, annotated: frozenset[str]) -> bool:
    """Whether a large part of the neighbours of a value's voxels carries an annotated label."""
    stray = native == value if native.dtype.kind in "iub" else np.rint(native) == value
    i, j, k = (slice(max(0, s.start - 1), s.stop + 1) for s in bounding_box(stray))
    around = ndimage.binary_dilation(stray[i, j, k]) & ~stray[i, j, k]
    return bool(around.any() and marks.holding(annotated)[marks.numbers[i, j, k][around]].mean() >= ENCLOSED_SHARE)


def _shown(values: list[int], counts: Counter[int]) -> str:
    return listed([f"{value} ({counts[value]} voxels)" for value in values])
