"""A box of a volume that may reach beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cut(volume: Any, start: Sequence[int], size: Sequence[int], beyond: int) -> NDArray[Any]:
    """Part of a volume; what lies outside it is filled.

    Args:
        volume: [x, y, z], an array or anything sliced like one.
        start: First voxel; may be negative or past the end.
        size: Voxels along each axis.
        beyond: The filling.
    """
    low = [max(0, s) for s in start]
    high = [min(n, s + length) for n, s, length in zip(volume.shape, start, size, strict=True)]
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    if all(b - a == length for a, b, length in zip(low, high, size, strict=True)):
        return np.asarray(volume[source])
    out = np.full(size, beyond, volume.dtype)
    if all(a < b for a, b in zip(low, high, strict=True)):
        out[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))] = volume[source]
    return out
