"""The overview of a case: a limited number of slices along each direction, each a picture with its outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from omentum.report.pictures import Picture, take_picture
from omentum.report.planes import Plane, best_planes, hung, hung_spacing_mm, shown_ranges
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
        offsets_mm: How far each is from the first of all slices of the image, along the hung axis.
    """

    planes: Sequence[Plane]
    pictures: Sequence[Picture]
    first: int
    offsets_mm: Sequence[float]

    @property
    def name(self) -> str:
        """Axial, Coronal or Sagittal."""
        return self.planes[0].name


def overview(ct: Volume, seg: Segmentation) -> list[View]:
    """Axial, coronal and sagittal slices through the part of the image that holds structures.

    Args:
        ct: HU.
        seg: On the grid of `ct`.
    """
    best = best_planes(seg)
    chosen = [_through(plane, seg, most) for plane, most in zip(best, SLICES, strict=True)]
    ranges = shown_ranges(ct, seg, [plane for planes in chosen for plane in planes])
    spacing_mm = hung_spacing_mm(ct.grid)
    return [
        View(
            planes,
            [take_picture((ct, seg), plane, ranges) for plane in planes],
            planes.index(middle),
            [plane.index * spacing_mm[plane.axis] for plane in planes],
        )
        for middle, planes in zip(best, chosen, strict=True)
    ]


def _through(best: Plane, seg: Segmentation, most: int) -> list[Plane]:
    """The best plane and others, evenly from where structures begin to where they end."""
    used = np.bitwise_or.reduce(seg.bits, axis=0) if len(seg.bits) > 1 else seg.bits[0]
    inside = hung(used, seg.grid)
    others = tuple(axis for axis in range(3) if axis != best.axis)
    found = np.flatnonzero(np.bitwise_or.reduce(inside, axis=others))
    first, last = (found[0], found[-1]) if len(found) else (0, inside.shape[best.axis] - 1)
    even = np.linspace(first, last, min(most, last - first + 1)).round().astype(int)
    # The best plane takes the place of its neighbour, so that the steps stay even but for one.
    even[np.abs(even - best.index).argmin()] = best.index
    return [replace(best, index=int(index)) for index in np.unique(even)]
