"""Axial slice where prediction and reference differ most, enlarged, with the outlines of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box, around, grown, grown_mm
from omentum.measure.diameters import Mask, axial_axis
from omentum.report.pictures import Picture, outlined, window_of
from omentum.report.planes import hung, hung_spacing_mm
from omentum.segmentation import Segmentation
from omentum.volume import Grid

MARGIN_MM = 15.0
"""Margin around the structure."""
LEAST_FIELD_MM = 90.0
"""Minimum field of view."""

REFERENCE, PREDICTION = "reference", "prediction"
"""Names of the outlines."""


@dataclass(frozen=True)
class Difference:
    """Largest difference of one structure in one case.

    Args:
        picture: Picture with the outlines `REFERENCE` and `PREDICTION`, if present in the slice.
        axis, slice: Array axis perpendicular to the slice, and its index.
    """

    picture: Picture
    axis: int
    slice: int


def differences(
    hu: NDArray[Any] | None, pred: Segmentation, ref: Segmentation, keys: Iterable[str]
) -> dict[str, Difference]:
    """For each structure, the axial slice with most differing voxels; structures without differences are omitted.

    Args:
        hu: CT in HU, shape of `ref`; None draws on black.
        pred: The prediction.
        ref: The reference, on the same grid.
        keys: Structure keys.
    """
    found = pred.boxes(), ref.boxes()
    drawn: dict[str, Difference] = {}
    for key in keys:
        if boxes := [of[key] for of in found if key in of]:
            box = _field(around(boxes), ref.grid)
            masks = {name: _mask(one, key, box) for name, one in ((REFERENCE, ref), (PREDICTION, pred))}
            black = np.full(masks[REFERENCE].shape, window_of(_home(key))[0], np.int16)
            one = _difference(key, black if hu is None else hu[box], masks, (box, ref.grid))
            drawn |= {key: one} if one else {}
    return drawn


def _difference(key: str, hu: NDArray[Any], masks: dict[str, Mask], place: tuple[Box, Grid]) -> Difference | None:
    box, grid = place
    axis = axial_axis(grid)
    across = tuple(a for a in range(3) if a != axis)
    errors = np.count_nonzero(masks[REFERENCE] ^ masks[PREDICTION], axis=across)
    if not errors.any():
        return None
    at = int(errors.argmax())
    flat: list[slice] = [slice(None)] * 3
    flat[axis] = slice(at, at + 1)
    grey, *outlines = (hung(array[tuple(flat)], grid)[0] for array in (hu, *masks.values()))
    shown = {name: mask for name, mask in zip(masks, outlines, strict=True) if mask.any()}
    _, height_mm, width_mm = hung_spacing_mm(grid)
    picture = outlined(grey, shown, (height_mm, width_mm), window_of(_home(key)))
    return Difference(picture, axis, box[axis].start + at)


def _field(box: Box, grid: Grid) -> Box:
    box = grown_mm(box, MARGIN_MM, grid)
    lacking = [LEAST_FIELD_MM / mm - (s.stop - s.start) for s, mm in zip(box, grid.spacing_mm, strict=True)]
    return grown(box, [max(0, int(np.ceil(n / 2))) for n in lacking], grid.shape)


def _mask(seg: Segmentation, key: str, box: Box) -> Mask:
    if key in seg.classes:
        return seg.mask(key, box)
    return np.zeros([s.stop - s.start for s in box], bool)


def _home(key: str) -> str:
    """Organ that sets the display window: the structure itself, or the host of a lesion."""
    hosts = STRUCTURES[key].hosts
    return hosts[0] if hosts else key
