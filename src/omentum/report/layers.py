"""The overview of a case: a limited number of slices along each direction, each a picture with its outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from omentum.report.pictures import Picture, take_picture
from omentum.report.planes import Plane, best_planes, hung, hung_slice, shown_ranges
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SLICES = (28, 14, 14)
"""At most so many axial, coronal and sagittal ones; the file stays small enough to be mailed."""


@dataclass(frozen=True)
class View:
    """One direction.

    Args:
        planes: The slices in order (downwards, backwards, to the left); none where structures begin or end is missed.
        pictures: One for each.
        first: Which is shown first: where most is in view.
    """

    planes: Sequence[Plane]
    pictures: Sequence[Picture]
    first: int

    @property
    def name(self) -> str:
        """Axial, Coronal or Sagittal."""
        return self.planes[0].name


def overview(ct: Volume, seg: Segmentation, axial: Iterable[int] = ()) -> list[View]:
    """Axial, coronal and sagittal slices through the part of the image that holds structures.

    Args:
        ct: HU.
        seg: On the grid of `ct`.
        axial: Indices along the stored axis of axial slices that have to be among them (key slices of lesions); the
            most important first, for there are never more than `SLICES`.
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
    """The best plane, those at the hung indices `also`, and others, evenly from where structures begin to their end."""
    used = np.bitwise_or.reduce(seg.bits, axis=0) if len(seg.bits) > 1 else seg.bits[0]
    inside = hung(used, seg.grid)
    others = tuple(axis for axis in range(3) if axis != best.axis)
    found = np.flatnonzero(np.bitwise_or.reduce(inside, axis=others))
    first, last = (found[0], found[-1]) if len(found) else (0, inside.shape[best.axis] - 1)
    even = np.linspace(first, last, min(most, last - first + 1)).round().astype(int)
    # What must be shown takes the place of its neighbour, so that the steps stay even but for these.
    free = np.ones(len(even), bool)
    for index in dict.fromkeys([best.index, *also]):
        if not free.any() or index in even[~free]:
            continue
        nearest = np.where(free, np.abs(even - index), np.iinfo(even.dtype).max).argmin()
        even[nearest], free[nearest] = index, False
    return [replace(best, index=int(index)) for index in np.unique(even)]
