"""What each voxel of a patch belongs to, as training keeps it: a number a voxel, and which classes each number holds.

Neither the memory nor the gathering of a patch depends on how many classes there are; masks are made where they are
needed, eight classes from one look at each voxel.
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
    """Which classes each voxel belongs to.

    Attributes:
        labels: int32, any shape; rows of `sets`.
        sets: bool [S, K], which classes each number holds.
    """

    labels: Tensor
    sets: Tensor

    def at(self, voxels: Any) -> Truth:
        """Of some voxels, by an index of `labels`."""
        return Truth(self.labels[voxels], self.sets)

    def masks(self) -> Tensor:
        """One mask a class, bool [K, *shape of `labels`]."""
        return unpack(self.labels, self.sets)


def unpack(labels: Tensor, sets: Tensor) -> Tensor:
    """Numbers [...] of the rows of `sets`, bool [S, K] -> bool [K, ...]."""
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
    """What a left-right flip makes of sets of classes, bool [..., K]: the right kidney is now the left.

    Of a pair with only one member among the classes nothing is known after a flip: what lies there now is its
    counterpart, which is no class. It is in no set, and not annotated.
    """
    pairs = [STRUCTURES[key].pair for key in classes]
    out = held[..., [classes.index(pair) if pair in classes else k for k, pair in enumerate(pairs)]]
    out[..., [pair is not None and pair not in classes for pair in pairs]] = False
    return out
