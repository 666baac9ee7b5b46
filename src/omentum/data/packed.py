"""Sets of classes packed into signed 32-bit integers, as training keeps truth: bit k = class k."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.anatomy import STRUCTURES


def unpack(bits: Tensor, number: int) -> Tensor:
    """int32 [...] -> bool [number, ...]."""
    return torch.stack([(bits & _bit(k)) != 0 for k in range(number)])


def members(sets: NDArray[np.int32], number: int) -> NDArray[np.bool_]:
    """int32 [S] -> bool [S, number]."""
    return (sets.view(np.uint32)[:, None] >> np.arange(number, dtype=np.uint32) & 1) != 0


def packed(held: NDArray[np.bool_]) -> NDArray[np.int32]:
    """bool [S, K <= 32] -> int32 [S]."""
    weights = np.uint32(1) << np.arange(held.shape[1], dtype=np.uint32)
    return (held * weights).sum(1, dtype=np.uint32).view(np.int32)


def mirrored(held: NDArray[np.bool_], classes: Sequence[str]) -> NDArray[np.bool_]:
    """What a left-right flip makes of sets of classes, bool [..., K]: the right kidney is now the left.

    A pair with only one member among the classes keeps its bit.
    """
    pairs = [STRUCTURES[key].pair for key in classes]
    return held[..., [classes.index(pair) if pair in classes else k for k, pair in enumerate(pairs)]]


def _bit(k: int) -> int:
    """Bit k of a signed 32-bit integer."""
    return (1 << k) - (1 << 32) if k == 31 else 1 << k
