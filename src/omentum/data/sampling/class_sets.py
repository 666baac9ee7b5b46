"""Class membership of the voxels of a training patch: an integer per voxel and a table of class sets.

Memory and gather cost of a patch do not depend on the number of classes. Masks are computed on demand, eight classes
per pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.anatomy import STRUCTURES


class Truth(NamedTuple):
    """Class membership of voxels.

    Attributes:
        labels: int32 of any shape; rows of `sets`.
        sets: bool [S, K], the classes in each set.
    """

    labels: Tensor
    sets: Tensor

    def at(self, voxels: Any) -> Truth:
        """Membership of some voxels, selected by an index into `labels`."""
        return Truth(self.labels[voxels], self.sets)

    def masks(self) -> Tensor:
        """Class masks, bool [K, *labels.shape]."""
        return unpack(self.labels, self.sets)


def unpack(labels: Tensor, sets: Tensor) -> Tensor:
    """Expand row numbers [...] of `sets`, bool [S, K], to masks bool [K, ...]."""
    number, flat = sets.shape[1], labels.reshape(-1).int()
    masks = torch.empty(number, len(flat), dtype=torch.uint8, device=labels.device)
    for k in range(0, number, 8):
        some = sets[:, k : k + 8].to(torch.uint8)
        octets = (some << torch.arange(some.shape[1], dtype=torch.uint8, device=sets.device)).sum(1, dtype=torch.uint8)
        voxels = octets.index_select(0, flat)
        for bit in range(some.shape[1]):
            torch.bitwise_and(voxels >> bit, 1, out=masks[k + bit])
    return masks.view(torch.bool).view(number, *labels.shape)


def swap_paired_classes(held: NDArray[np.bool_], classes: Sequence[str]) -> NDArray[np.bool_]:
    """Class sets, bool [..., K], after a left-right flip: right and left of each pair are swapped.

    If only one member of a pair is a class, it is unknown after a flip, because its counterpart is not a class. It is
    removed from every set and counts as not annotated.
    """
    pairs = [STRUCTURES[key].pair for key in classes]
    out = held[..., [classes.index(pair) if pair in classes else k for k, pair in enumerate(pairs)]]
    out[..., [pair is not None and pair not in classes for pair in pairs]] = False
    return out
