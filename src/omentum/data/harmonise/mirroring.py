"""Detect images and labels that were mirrored together, by the position of unpaired organs.

Paired organs cannot reveal it, because their labels are mirrored too. Only organs with one usual side are used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.midline.centroid import centroid_mm
from omentum.segmentation import Segmentation
from omentum.volume import BODY_HU, Volume

RIGHT_OF = (("liver", "spleen"), ("liver", "stomach"), ("gallbladder", "spleen"), ("inferior_vena_cava", "aorta"))
RIGHT_OF_MIDDLE, LEFT_OF_MIDDLE = ("liver",), ("spleen",)
CLEAR_MM = 10.0
"""Centres nearer to one another than this from left to right decide nothing."""


def laterality_conflicts(ct: Volume, truth: Segmentation) -> str:
    """Check the position of organs against their usual side.

    Args:
        ct: CT in HU.
        truth: Labels on the same grid.

    Returns:
        Human-readable description of the conflict; "" if there is none or it cannot be determined.
    """
    annotated = truth.annotated or frozenset()
    told = {key for pair in RIGHT_OF for key in pair} & annotated & truth.present()
    x_mm = {key: _centre_mm(truth.mask(key), truth) for key in told}
    middle_mm = _centre_mm(ct.voxels > BODY_HU, truth) if told else 0.0
    wrong = [f"{a} lies left of {b}" for a, b in RIGHT_OF if {a, b} <= told and x_mm[b] - x_mm[a] > CLEAR_MM]
    for keys, sign, side in ((RIGHT_OF_MIDDLE, 1, "left"), (LEFT_OF_MIDDLE, -1, "right")):
        beyond = [key for key in keys if key in told and sign * (middle_mm - x_mm[key]) > CLEAR_MM]
        wrong += [f"{key} lies in the {side} half of the body" for key in beyond]
    return ", ".join(wrong)


def _centre_mm(mask: NDArray[Any], truth: Segmentation) -> float:
    """Centroid along x in mm, increasing towards the patient's right; NaN for an empty mask."""
    counts = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
    centre = centroid_mm(counts, truth.grid)
    return np.nan if centre is None else float(centre[0])
