"""Regions of interest: boxes found by a coarse network, segmented by the full one, grown where a mask is cut off.

Windows that meet no box are skipped. Every voxel in a box is covered by the same windows as in a whole scan, so its
logits are the same to the bit; nothing is found outside the boxes. Whether that cuts something off shows at the border:
a structure with a voxel in the outermost layer of a box may continue outside, so the box has to be grown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.boxes import Box, around, box_of, starts, stops
from omentum.infer.blend import Slab
from omentum.infer.windows import Triple, WindowPlan

OUTSIDE = -1.0
"""The sum of logits that is put where nothing may be found: any that is negative."""


@dataclass(frozen=True)
class ClassBox:
    """Where a coarse network finds a class.

    Args:
        box: The smallest box around its voxels.
        voxels: Number of its voxels.
    """

    box: Box
    voxels: int


def find_class_boxes(slabs: Iterable[Slab]) -> dict[int, ClassBox]:
    """By class, the box around all positive logits; classes without any are not in it.

    Args:
        slabs: From `sliding_slabs`.
    """
    found: dict[int, ClassBox] = {}
    for slab in slabs:
        for k, sums in enumerate(slab.sums):
            positive = sums > 0
            voxels = int(torch.count_nonzero(positive))
            if voxels:
                here = ClassBox(_span(positive, slab.start), voxels)
                if k in found:
                    here = ClassBox(around([found[k].box, here.box]), found[k].voxels + here.voxels)
                found[k] = here
    return found


def _span(positive: Tensor, start: int) -> Box:
    hits = [torch.nonzero(positive.any(dim=b).any(dim=a)).flatten() for a, b in ((1, 2), (0, 2), (0, 1))]
    x, y, z = (slice(int(hit[0]), int(hit[-1]) + 1) for hit in hits)
    return x, y, slice(z.start + start, z.stop + start)


@dataclass(frozen=True)
class Region:
    """Boxes in a volume.

    Args:
        shape: Voxels of the volume.
        boxes: Each within it and not empty.
    """

    shape: Triple
    boxes: tuple[Box, ...]

    @classmethod
    def everything(cls, shape: Triple) -> Region:
        """Make a region of the whole volume."""
        return cls(shape, (box_of((0, 0, 0), shape),))

    def inside(self) -> NDArray[np.bool_]:
        """Which voxels lie in some box."""
        inside = np.zeros(self.shape, np.bool_)
        for box in self.boxes:
            inside[box] = True
        return inside

    def windows(self, plan: WindowPlan) -> WindowPlan:
        """Restrict a plan to the windows that meet a box."""
        return plan.touching(self.inside())

    def grown(self, touched: NDArray[np.bool_], voxels: Triple) -> Region:
        """Enlarge every box by `voxels` on each side whose outermost layer was touched."""
        return replace(self, boxes=tuple(self._grown(box, touched[box], voxels) for box in self.boxes))

    def _grown(self, box: Box, touched: NDArray[np.bool_], voxels: Triple) -> Box:
        low, high = list(starts(box)), list(stops(box))
        for axis, (more, length) in enumerate(zip(voxels, self.shape, strict=True)):
            layers = touched.swapaxes(0, axis)
            if layers[0].any():
                low[axis] = max(0, low[axis] - more)
            if layers[-1].any():
                high[axis] = min(length, high[axis] + more)
        return box_of(low, high)


class Border:
    """Keeps what is found inside a region, and notes where it reaches the region's outermost voxels.

    Args:
        region: In the volume the slabs come from.

    Attributes:
        touched: bool, shape of the volume: positive voxels in a region's outermost layer, edges of the volume not
            counted; complete when all slabs have passed.
    """

    def __init__(self, region: Region) -> None:
        self._inside = region.inside()
        self._outermost = self._inside & ~_eroded(self._inside)
        self.touched: NDArray[np.bool_] = np.zeros(region.shape, np.bool_)

    def keep(self, slabs: Iterable[Slab]) -> Iterator[Slab]:
        """The slabs, in which nothing is positive outside the region."""
        for slab in slabs:
            planes = slice(slab.start, slab.start + slab.sums.shape[-1])
            inside, outermost = (
                torch.from_numpy(voxels[..., planes]).to(slab.sums.device) for voxels in (self._inside, self._outermost)
            )
            self.touched[..., planes] = ((slab.sums.amax(dim=0) > 0) & outermost).cpu().numpy()
            slab.sums.masked_fill_(~inside, OUTSIDE)  # nobody needs them any more: see `Slab`
            yield slab


def _eroded(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels whose six neighbours are all inside, or beyond the edge of the volume."""
    kept = inside.copy()
    for axis in range(3):
        layers, from_layers = kept.swapaxes(0, axis), inside.swapaxes(0, axis)
        layers[1:] &= from_layers[:-1]
        layers[:-1] &= from_layers[1:]
    return kept
