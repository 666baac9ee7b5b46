"""HU statistics of a region."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK_VOXELS = 1 << 22
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True)
class Attenuation:
    """HU statistics; all None if there is no finite voxel.

    Args:
        mean_hu, sd_hu: Mean and population standard deviation.
        p05_hu, median_hu, p95_hu: Percentiles 5, 50 and 95 (linear between ranks).
    """

    mean_hu: float | None = None
    sd_hu: float | None = None
    p05_hu: float | None = None
    median_hu: float | None = None
    p95_hu: float | None = None


def attenuation(hu: NDArray[Any]) -> Attenuation:
    """Compute the statistics of the finite values of a one-dimensional array in HU."""
    if hu.dtype.kind == "f":
        hu = hu[np.isfinite(hu)]
    if len(hu) == 0:
        return Attenuation()
    mean = float(hu.mean(dtype=np.float64))
    # In chunks: the squares of a lung in float64 would need more memory than the CT.
    pieces = (hu[n : n + _CHUNK_VOXELS].astype(np.float64) for n in range(0, len(hu), _CHUNK_VOXELS))
    squares = sum(float(np.square(piece - mean).sum()) for piece in pieces)
    low, middle, high = (float(p) for p in np.percentile(hu, PERCENTILES))
    return Attenuation(mean, math.sqrt(squares / len(hu)), low, middle, high)
