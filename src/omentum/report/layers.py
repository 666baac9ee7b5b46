"""Slice overview of a case: a limited number of slices in each direction, with outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from omentum.report.pictures import Picture, take_picture
from omentum.report.planes import Plane, best_planes, hung, hung_slice, shown_ranges
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SLICES = (28, 14, 14)
"""Maximum number of axial, coronal and sagittal slices; keeps the file small enough for e-mail."""


@dataclass(frozen=True)
class View:
    """Slices in one direction.

    Args:
        planes: Slices in order (downwards, backwards, to the left); they include the first and last slice of the
            structures.
        pictures: One per slice.
        first: Index of the slice shown first, where most of the structures is visible.
    """

    planes: Sequence[Plane]
    pictures: Sequence[Picture]
    first: int

    @property
    def name(self) -> str:
        """Name of the direction: Axial, Coronal or Sagittal."""
        return self.planes[0].name


def overview(ct: Volume, seg: Segmentation, axial: Iterable[int] = ()) -> list[View]:
    """Axial, coronal and sagittal slices through the part of the image that contains structures.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        axial: Indices, along the stored axis, of axial slices to include (key slices of lesions), most important first;
            at most `SLICES` slices are returned.
    """
    best = best_planes(seg)
    wanted = [hung_slice(seg.grid, best[0].axis, index) for index in axial]
    each = zip(best, SLICES, (wanted, [], []), strict=True)
    chosen = [_through(plane, seg, most, also) for plane, most, also in each]
    ranges = shown_ranges(ct, seg, [plane for planes in chosen for plane in planes])
    return [
        View(planes, [take_picture((ct, seg), plane, ranges) for plane in planes], planes.index(middle))
        for middle, planes in zip(best, chosen, strict=True)
    ]


def _through(best: Plane, seg: Segmentation, most: int, also: Sequence[int]) -> list[Plane]:
    """The best plane, the planes at the display indices `also`, and others evenly spaced over the structures."""
    used = np.bitwise_or.reduce(seg.bits, axis=0) if len(seg.bits) > 1 else seg.bits[0]
    inside = hung(used, seg.grid)
    others = tuple(axis for axis in range(3) if axis != best.axis)
    found = np.flatnonzero(np.bitwise_or.reduce(inside, axis=others))
    first, last = (found[0], found[-1]) if len(found) else (0, inside.shape[best.axis] - 1)
    even = np.linspace(first, last, min(most, last - first + 1)).round().astype(int)
    # A required slice replaces its nearest neighbour, so that the spacing stays otherwise even.
    free = np.ones(len(even), bool)
    for index in dict.fromkeys([best.index, *also]):
        if not free.any() or index in even[~free]:
            continue
        nearest = np.where(free, np.abs(even - index), np.iinfo(even.dtype).max).argmin()
        even[nearest], free[nearest] = index, False
    return [replace(best, index=int(index)) for index in np.unique(even)]
