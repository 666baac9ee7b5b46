"""Probabilities on the CT's own grid, some planes at a time, in whole steps that compress well.

A probability below half a step is 0. An interpolated logit is no higher than its highest neighbour, so only the box
around what is not 0 is ever interpolated, without any change to the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.boxes import Box
from omentum.errors import UsageError

STEPS = {"uint8": 255, "uint16": 65535}
"""Name of the integers that hold probabilities -> how many of their steps make 1."""
PLANES = 16
"""Planes of the CT that are computed at once: what is not yet in steps takes four bytes a voxel, or more."""

Keep = Callable[[int, Box, NDArray[np.uint8 | np.uint16]], None]
"""Given (class, box along the CT's x, y, z, probabilities in steps there); everything else is 0."""


@dataclass(frozen=True)
class ProbabilityMaps:
    """Which probability maps are kept, and where.

    Args:
        kind: A key of `STEPS`.
        offsets: What the network's logits are above those that come here, by class; see `Tally`.
        keep: Called with every part; the parts of a class do not overlap.
    """

    kind: str
    offsets: Sequence[float]
    keep: Keep

    def __post_init__(self) -> None:
        check_kind(self.kind)

    @property
    def steps(self) -> int:
        """How many make a probability of 1."""
        return STEPS[self.kind]

    def least(self, k: int) -> float:
        """The logit of class k, as it comes here, from which on a probability is not rounded to 0."""
        half = 0.5 / self.steps
        return math.log(half / (1 - half)) - self.offsets[k]

    def add(self, k: int, box: Box, logits: Tensor) -> None:
        """Keep the probabilities of a part; the logits are overwritten."""
        probability = logits.add_(self.offsets[k]).sigmoid_().mul_(self.steps).round_()
        self.keep(k, box, probability.cpu().numpy().astype(self.kind))


def check_kind(kind: str | None) -> None:
    """Whether probabilities can be kept so.

    Raises:
        UsageError: an unknown kind of number.
    """
    if kind is not None and kind not in STEPS:
        why = ": NIfTI has none; uint16 is finer from 0.03 up" if kind == "float16" else ""
        raise UsageError(f"probabilities as {kind!r}{why}", remedy=f"use {' or '.join(STEPS)}")


def cut(planes: slice) -> list[slice]:
    """Consecutive planes in runs of at most `PLANES`."""
    starts = range(planes.start, planes.stop, PLANES)
    return [slice(start, min(start + PLANES, planes.stop)) for start in starts]


def box_above(logits: Tensor, least: float) -> Box | None:
    """Box around all values above the least, and their neighbours; None where there are none."""
    above = logits > least
    box = []
    for axis, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        hit = torch.nonzero(above.any(dim=other).any(dim=one)).flatten()
        if not len(hit):
            return None
        box.append(slice(max(int(hit[0]) - 1, 0), min(int(hit[-1]) + 2, above.shape[axis])))
    return box[0], box[1], box[2]
