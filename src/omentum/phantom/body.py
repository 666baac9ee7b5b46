"""A body before it is scanned: what tissue every voxel is, and the exact truth of the 32 structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume


@dataclass(frozen=True, eq=False)
class PhantomBody:
    """Anatomy on an axis-aligned RAS+ grid, not yet imaged.

    Args:
        grid: The grid of both arrays.
        tissue: uint8, index into `omentum.phantom.tissue.TISSUES` (what decides the HU).
        truth: Exact masks of the 32 structures, overlapping as they do in a patient.
        facts: What was drawn (sex, habitus, missing organs, lesions ...), JSON values only.
    """

    grid: Grid
    tissue: NDArray[np.uint8]
    truth: Segmentation
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """A scanned body: the CT in HU (int16), the truth on the same grid, and how both were made."""

    ct: Volume
    truth: Segmentation
    facts: Mapping[str, Any] = field(default_factory=dict)
