"""From slabs of logits on the model grid to packed bits on the CT's own grid, a few planes at a time.

Logits, not masks, are interpolated, so that boundaries are as smooth as the CT's own resolution allows.
An interpolated logit is an average of its neighbours and cannot be positive where all of them are not; so only the box
around a class's positive logits is ever interpolated, without any change to the result.
How values are interpolated, and what a class means, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.boxes import Box, around, relative
from omentum.infer.blend import Slab, averaged
from omentum.infer.confidence import Tally
from omentum.infer.maps import ProbabilityMaps, box_above, cut

Sampler = Callable[[Tensor, int, NDArray[np.float64]], Tensor]
"""(values, axis, positions) -> values linearly interpolated at these positions along the axis."""

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


Bits = NDArray[np.uint32] | NDArray[np.uint64]
Axes = tuple[AxisPositions, AxisPositions, AxisPositions]


@dataclass(frozen=True)
class PackedPart:
    """Finished masks in a part of the CT: bit k of `bits` is class k.

    Args:
        box: Where, along the CT's x, y, z; its planes hold nothing outside it.
        bits: Shape (planes of 64 classes, *box); uint32 for up to 32 classes, else uint64.
        probability: Where there is any, and uint8 in steps of 1/255 in that box: of the likeliest mapped class (see
            `Tally`), 0 where none is predicted; None where none is in all of the part.
    """

    box: Box
    bits: Bits
    probability: tuple[Box, NDArray[np.uint8]] | None = None


def pack_slabs(
    slabs: Iterable[Slab],
    axes: Axes,
    sample: Sampler,
    tally: Tally | None = None,
    maps: ProbabilityMaps | None = None,
) -> Iterator[PackedPart]:
    """Threshold logits at 0 on the CT's grid.

    Args:
        slabs: From `sliding_slabs`: consecutive along z, together the whole model grid.
        axes: Where the CT's voxels are, along x, y, z of the model grid.
        sample: Linear interpolation along one axis.
        tally: Counts every voxel of the CT that becomes part of a mask.
        maps: Receives the probabilities of all voxels as well.

    Yields:
        Parts upwards along the CT's z, none of which overlap; everything else is empty.
    """
    z = axes[2]
    below: Slab | None = None
    first = z.inside().start
    for slab in slabs:
        if below is None:
            first = max(first, z.between(slab.start, slab.start).start)
        top = slab.start + slab.sums.shape[-1] - 1
        voxels = slice(first, z.between(0, top).stop)
        if voxels.start < voxels.stop:
            stack = [slab] if below is None else [below, slab]
            yield from _pack(stack, axes, voxels, sample, tally)
            if maps is not None:
                _map(stack, axes, voxels, sample, maps)
        first, below = voxels.stop, slab.highest()


def _pack(stack: list[Slab], axes: Axes, voxels: slice, sample: Sampler, tally: Tally | None) -> Iterator[PackedPart]:
    """What is positive in the CT planes `voxels`, which lie between the stack's lowest and highest plane."""
    classes, device, start = stack[0].sums.shape[0], stack[0].sums.device, stack[0].start
    positive = torch.stack([slab.sums.amax(dim=(1, 2, 3)) > 0 for slab in stack]).any(dim=0)
    boxes = {k: _positive_box([slab.sums[k] for slab in stack]) for k in torch.nonzero(positive).flatten().tolist()}
    reached = {k: _reached(box, start, axes, voxels) for k, box in boxes.items()}
    reached = {k: box for k, box in reached.items() if all(s.start < s.stop for s in box)}
    if not reached:
        return
    whole = around(list(reached.values()))
    octets = _Octets(_shape(whole), device)
    weights = torch.cat([slab.weights for slab in stack], dim=-1)
    mapped = [box for k, box in reached.items() if tally is not None and k in tally.mapped]
    span = around(mapped) if mapped else None
    likeliest = torch.zeros(_shape(span) if span else 0, dtype=torch.uint8, device=device)
    for k, there in reached.items():
        sums = torch.cat([slab.sums[k, *boxes[k][:2]] for slab in stack], dim=-1)[..., boxes[k][2]]
        values = _interpolated(averaged(sums, weights[boxes[k]]), start, boxes[k], there, axes, sample)
        octets.add(k, relative(there, whole), values > 0)
        if tally is not None:
            tally.add(k, values)
            if span and k in tally.mapped:
                part = likeliest[relative(there, span)]
                torch.maximum(part, tally.in_steps(k, values), out=part)
    yield PackedPart(whole, octets.packed(classes), (span, likeliest.cpu().numpy()) if span else None)


def _map(stack: list[Slab], axes: Axes, voxels: slice, sample: Sampler, maps: ProbabilityMaps) -> None:
    """Probabilities of every class in the CT planes `voxels`; see `_pack`."""
    weights = torch.cat([slab.weights for slab in stack], dim=-1)
    for k in range(stack[0].sums.shape[0]):
        logits = averaged(torch.cat([slab.sums[k] for slab in stack], dim=-1), weights)
        box = box_above(logits, maps.least(k))
        if box is None:
            continue
        i, j, planes = _reached(box, stack[0].start, axes, voxels)
        for some in cut(planes) if i.start < i.stop and j.start < j.stop else ():
            there = (i, j, some)
            maps.add(k, there, _interpolated(logits[box], stack[0].start, box, there, axes, sample))


class _Octets:
    """Bits gathered eight classes at a time: a byte a voxel is touched for each class, and not eight."""

    def __init__(self, shape: Sequence[int], device: torch.device) -> None:
        self._shape, self._device = shape, device
        self._octets: dict[int, Tensor] = {}

    def add(self, k: int, where: Box, mask: Tensor) -> None:
        """Set bit k of some voxels."""
        if k // 8 not in self._octets:
            self._octets[k // 8] = torch.zeros(self._shape, dtype=torch.uint8, device=self._device)
        part = self._octets[k // 8][where]
        torch.bitwise_or(part, mask.view(torch.uint8) << (k % 8), out=part)

    def packed(self, classes: int) -> Bits:
        """Shape (planes of 64 classes, X, Y, Z)."""
        size = 4 if classes <= 32 else 8
        bits = np.zeros((-(-classes // 64), *self._shape), f"<u{size}")
        octets = bits.view(np.uint8).reshape(*bits.shape, size)
        for n, octet in self._octets.items():
            octets[n // 8, ..., n % 8] = octet.cpu().numpy()
        return bits.astype(bits.dtype.newbyteorder("="), copy=False)


def _shape(box: Box) -> list[int]:
    return [s.stop - s.start for s in box]


def _reached(box: Box, start: int, axes: Axes, voxels: slice) -> Box:
    """Which voxels of some of the CT's planes lie between the centres of a box that begins at plane `start`."""
    i, j, z = (
        along.between(s.start + first, s.stop + first - 1)
        for along, s, first in zip(axes, box, (0, 0, start), strict=True)
    )
    return i, j, slice(max(z.start, voxels.start), z.stop)  # what is below was finished with the slab below


def _interpolated(values: Tensor, start: int, box: Box, there: Box, axes: Axes, sample: Sampler) -> Tensor:
    """The logits of a box that begins at plane `start` of the model grid, at the CT's voxels `there`."""
    for axis in (2, 1, 0):  # the axis whose neighbours lie side by side in memory first, while there is least to move
        first = box[axis].start + (start if axis == 2 else 0)
        values = sample(values, axis, axes[axis].within(there[axis], first))
    return values


def _positive_box(parts: list[Tensor]) -> Box:
    """Box around all positive values, of which there are some, and their neighbours; the parts lie on one another."""
    positive = [part > 0 for part in parts]
    columns = torch.stack([part.any(dim=2) for part in positive]).any(dim=0)
    planes = torch.cat([part.any(dim=0).any(dim=0) for part in positive])
    box = []
    for hit in (columns.any(dim=1), columns.any(dim=0), planes):
        at = torch.nonzero(hit).flatten()
        box.append(slice(max(int(at[0]) - 1, 0), min(int(at[-1]) + 2, len(hit))))
    return box[0], box[1], box[2]
