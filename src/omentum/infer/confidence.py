"""How sure a network is of its own masks, as sums per class that are taken while the logits are at hand.

The sums are whole numbers, so they do not depend on where slabs end or in which order they come.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNSURE_LOGIT = 1.0
"""A predicted voxel below this has a probability below 0.73."""
PROBABILITY_STEPS = 255
"""Probabilities are summed and kept in steps of 1/255."""


class Tally:
    """Sums over the predicted voxels of each class on the CT's grid.

    Args:
        classes: How many there are.
        mapped: Positions of the classes whose probabilities are kept voxel by voxel (see `in_steps`).
        offsets: What the network's logits are above those that come here, by class; 0 by default. A class is predicted
            where what comes here is positive, which need not be where its probability is above 0.5.

    Attributes:
        voxels: Predicted voxels by class, int64.
        probability: Sum of their probabilities in steps of 1/255, int64.
        unsure: How many of them have a logit below `UNSURE_LOGIT`, int64.
    """

    def __init__(self, classes: int, mapped: Collection[int] = (), offsets: Sequence[float] | None = None) -> None:
        self.mapped = frozenset(mapped)
        self._offsets = offsets or [0.0] * classes
        self.voxels, self.probability, self.unsure = (np.zeros(classes, np.int64) for _ in range(3))

    def add(self, k: int, logits: Tensor) -> None:
        """Count some voxels of class k, each once; only positive logits matter."""
        inside = logits[logits > 0] + self._offsets[k]
        self.voxels[k] += len(inside)
        self.probability[k] += int(in_steps(inside).sum(dtype=torch.int64))
        self.unsure[k] += int((inside < UNSURE_LOGIT).sum())

    def in_steps(self, k: int, logits: Tensor) -> Tensor:
        """Probabilities of voxels of class k as `in_steps`; 0 where it is not predicted."""
        return in_steps(logits + self._offsets[k]) * (logits > 0)

    def mean_probability(self) -> NDArray[np.float64]:
        """Of the predicted voxels by class; NaN where there are none."""
        return self._share(self.probability / PROBABILITY_STEPS)

    def unsure_share(self) -> NDArray[np.float64]:
        """Share of the predicted voxels that are unsure, by class; NaN where there are none."""
        return self._share(self.unsure)

    def _share(self, of: NDArray[np.generic]) -> NDArray[np.float64]:
        share = np.full(len(self.voxels), np.nan)
        np.divide(of, self.voxels, out=share, where=self.voxels > 0)
        return share


class WindowAgreement:
    """How far each new window agrees with the average of the windows before it, where they overlap.

    Attributes:
        both, either: By class: voxels that both, and that at least one of the two, calls positive; a voxel that many
            windows see counts many times.
    """

    def __init__(self) -> None:
        self.both: NDArray[np.int64] = np.zeros(0, np.int64)
        self.either: NDArray[np.int64] = np.zeros(0, np.int64)

    def compare(self, window: Tensor, before: Tensor, seen: Tensor) -> None:
        """Take one window into account.

        Args:
            window: Its logits, shape (K, x, y, z).
            before: Weighted sums of earlier logits there, same shape, 0 where there are none.
            seen: bool, shape (x, y, z): where there are any.
        """
        if len(self.both) == 0:
            self.both, self.either = (np.zeros(len(window), np.int64) for _ in range(2))
        if not seen.any():
            return
        positive = (window.amax(dim=(1, 2, 3)) > 0) | (before.amax(dim=(1, 2, 3)) > 0)
        for k in torch.nonzero(positive).flatten().tolist():  # most classes are positive nowhere in most windows
            new, old = (window[k] > 0) & seen, before[k] > 0
            self.both[k] += int(torch.count_nonzero(new & old))
            self.either[k] += int(torch.count_nonzero(new | old))

    def disagreement(self) -> NDArray[np.float64]:
        """1 - both / either by class; NaN for a class that no two windows had to agree on."""
        apart = np.full(len(self.both), np.nan)
        np.divide(self.either - self.both, self.either, out=apart, where=self.either > 0)
        return apart


def in_steps(logits: Tensor) -> Tensor:
    """Probabilities in steps of 1/255 as uint8; never 0, which stands for what is not predicted."""
    return torch.sigmoid(logits).mul(PROBABILITY_STEPS).round().clamp_min(1).to(torch.uint8)
