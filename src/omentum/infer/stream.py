"""From slabs of logits on the model grid to packed bits on the CT's own grid, a few planes at a time.

Logits, not masks, are interpolated, so that boundaries are as smooth as the CT's own resolution allows.
An interpolated logit is an average of its neighbours and cannot be positive where all of them are not; so only the box
around a class's positive logits is ever interpolated, without any change to the result.
How values are interpolated, and what a class means, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.infer.confidence import Tally, in_steps
from omentum.infer.sliding import Slab

Sampler = Callable[[Tensor, int, NDArray[np.float64]], Tensor]
"""(values, axis, positions) -> values linearly interpolated at these positions along the axis."""

THICKNESS = 16
"""Planes of the model grid interpolated at once: thin boxes fit structures closely and need little memory."""
HALF_VOXEL = 0.5 + 1e-6
"""How far outside the outermost voxel centre a position still belongs to that voxel (with float noise)."""


@dataclass(frozen=True)
class AxisPositions:
    """Where the CT's voxels lie along one axis of the model grid.

    Args:
        centres: float64, ascending; one position per CT voxel, in voxels of the model grid.
        length: Voxels of the model grid.
    """

    centres: NDArray[np.float64]
    length: int

    def inside(self) -> slice:
        """CT voxels whose centre lies in some voxel of the model grid; the others were cropped away."""
        low, high = np.searchsorted(self.centres, [-HALF_VOXEL, self.length - 1 + HALF_VOXEL])
        return slice(int(low), int(high))

    def between(self, low: float, high: float) -> slice:
        """CT voxels inside the grid with low <= position <= high, those beyond the outermost centre clamped to it."""
        inside = self.inside()
        clamped = np.clip(self.centres[inside], 0, self.length - 1)
        first = np.searchsorted(clamped, low, side="left")
        last = np.searchsorted(clamped, high, side="right")
        return slice(inside.start + int(first), inside.start + int(max(first, last)))

    def within(self, voxels: slice, origin: int) -> NDArray[np.float64]:
        """Positions of some CT voxels relative to a voxel of the model grid, clamped to the grid."""
        return np.clip(self.centres[voxels], 0, self.length - 1) - origin


Box = tuple[slice, slice, slice]
Axes = tuple[AxisPositions, AxisPositions, AxisPositions]


@dataclass(frozen=True)
class PackedPlanes:
    """Finished planes of the CT: bit k of `bits` is class k.

    Args:
        start: First plane along the CT's z.
        bits: uint64, shape (planes of 64 classes, X, Y, CT planes).
        probability: uint8 in steps of 1/255, shape (X, Y, CT planes): of the likeliest mapped class (see `Tally`), 0
            where none is predicted; None where none is in all of the planes.
    """

    start: int
    bits: NDArray[np.uint64]
    probability: NDArray[np.uint8] | None = None


def pack_slabs(
    slabs: Iterable[Slab], axes: Axes, sample: Sampler, tally: Tally | None = None
) -> Iterator[PackedPlanes]:
    """Threshold logits at 0 on the CT's grid.

    Args:
        slabs: From `sliding_slabs`: consecutive along z, together the whole model grid.
        axes: Where the CT's voxels are, along x, y, z of the model grid.
        sample: Linear interpolation along one axis.
        tally: Told every voxel of the CT that becomes part of a mask.

    Yields:
        Consecutive planes of the CT; planes outside the model grid do not occur and are empty.
    """
    z = axes[2]
    below: Tensor | None = None
    first = z.inside().start
    for slab in _thin(slabs):
        top = slab.start + slab.logits.shape[-1] - 1
        voxels = slice(first, z.between(0, top).stop)
        joined = slab if below is None else Slab(slab.start - 1, torch.cat([below, slab.logits], dim=-1))
        if voxels.start < voxels.stop:
            yield _pack(joined, axes, voxels, sample, tally)
        first, below = voxels.stop, slab.logits[..., -1:].clone()


def _thin(slabs: Iterable[Slab]) -> Iterator[Slab]:
    for slab in slabs:
        for low in range(0, slab.logits.shape[-1], THICKNESS):
            yield replace(slab, start=slab.start + low, logits=slab.logits[..., low : low + THICKNESS])


def _pack(slab: Slab, axes: Axes, voxels: slice, sample: Sampler, tally: Tally | None) -> PackedPlanes:
    """The CT planes `voxels`, all of which lie between the slab's lowest and highest plane."""
    classes = slab.logits.shape[0]
    shape = (-(-classes // 64), len(axes[0].centres), len(axes[1].centres), voxels.stop - voxels.start)
    bits = torch.zeros(shape, dtype=torch.int64, device=slab.logits.device)
    likeliest: Tensor | None = None
    for k in range(classes):
        box = _positive_box(slab.logits[k])
        if box is None:
            continue
        values, (i, j, z) = _interpolated(slab, k, box, axes, sample)
        # What is below was finished with the slab below.
        values = values[..., max(voxels.start - z.start, 0) :]
        where = (i, j, slice(max(z.start, voxels.start) - voxels.start, max(z.stop - voxels.start, 0)))
        bits[k // 64][where] |= (values > 0).to(torch.int64) << (k % 64)
        if tally is not None:
            tally.add(k, values)
            if k in tally.mapped:
                likeliest = bits.new_zeros(shape[1:], dtype=torch.uint8) if likeliest is None else likeliest
                torch.maximum(likeliest[where], in_steps(values) * (values > 0), out=likeliest[where])
    probability = None if likeliest is None else likeliest.cpu().numpy()
    return PackedPlanes(voxels.start, bits.cpu().numpy().view(np.uint64), probability)


def _interpolated(slab: Slab, k: int, box: Box, axes: Axes, sample: Sampler) -> tuple[Tensor, Box]:
    """The logits of a class where a box of the slab reaches, and which CT voxels these are."""
    values, reached = slab.logits[k][box], []
    for axis, (positions, part) in enumerate(zip(axes, box, strict=True)):
        first = part.start + (slab.start if axis == 2 else 0)
        reached.append(positions.between(first, first + part.stop - part.start - 1))
        values = sample(values, axis, positions.within(reached[axis], first))
    i, j, z = reached
    return values, (i, j, z)


def _positive_box(logits: Tensor) -> Box | None:
    """Box around all positive values and their neighbours, or None where there are none."""
    positive = logits > 0
    box = []
    for axis in range(3):
        other = [a for a in range(3) if a != axis]
        hit = torch.nonzero(positive.any(dim=other[1]).any(dim=other[0])).flatten()
        if len(hit) == 0:
            return None
        box.append(slice(max(int(hit[0]) - 1, 0), min(int(hit[-1]) + 2, logits.shape[axis])))
    return box[0], box[1], box[2]
