"""Overlap of two masks, counted in voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Overlap:
    """Voxel counts of a prediction, a reference and their intersection, as exact integers.

    Rule for empty masks: a ratio whose denominator is 0 is None, so with both masks empty everything is None and
    the case is a true negative (see `omentum.evaluate.metrics.status`), never a Dice of 0 or 1. One mask empty and the
    other not is a Dice of 0.
    """

    both: int = 0
    predicted: int = 0
    reference: int = 0

    def __add__(self, other: Overlap) -> Overlap:
        """Counts of both together."""
        return Overlap(self.both + other.both, self.predicted + other.predicted, self.reference + other.reference)

    @property
    def dice(self) -> float | None:
        """2 |P and R| / (|P| + |R|)."""
        return ratio(2 * self.both, self.predicted + self.reference)

    @property
    def iou(self) -> float | None:
        """|P and R| / |P or R|, the Jaccard index."""
        return ratio(self.both, self.predicted + self.reference - self.both)

    @property
    def precision(self) -> float | None:
        """|P and R| / |P|; None when nothing was predicted."""
        return ratio(self.both, self.predicted)

    @property
    def recall(self) -> float | None:
        """|P and R| / |R|; None when there is nothing to find."""
        return ratio(self.both, self.reference)


def overlap(predicted: Mask, reference: Mask) -> Overlap:
    """Count the voxels of two boolean masks of the same shape."""
    both = np.count_nonzero(predicted & reference)
    return Overlap(int(both), int(np.count_nonzero(predicted)), int(np.count_nonzero(reference)))


def dice(one: Mask, other: Mask) -> float:
    """Dice of two masks whose agreement counts: unlike `Overlap.dice`, 1 if both are empty."""
    found = overlap(one, other).dice
    return 1.0 if found is None else found


def ratio(part: int, whole: int) -> float | None:
    """Part / whole; None for 0 / 0."""
    return part / whole if whole else None
