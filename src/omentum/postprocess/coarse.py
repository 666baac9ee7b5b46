"""Downsampled copy of all masks: which blocks of voxels contain any voxel of which class.

Masks form islands of blocks, and a connected component lies within one island. Components are processed island by
island, so a distant speck costs a few blocks instead of a bounding box around everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.components import connected_components

BLOCK = 8
"""Voxels along each edge of a block."""

Mask = NDArray[np.bool_]
Sets = Mapping[int, np.unsignedinteger[Any]]
"""Some classes: plane -> bits, in the packed masks' own type: a wider one would make wide copies of them."""


class CoarseMasks:
    """Packed bits in which each block is the union of its voxels.

    Args:
        planes: Unsigned integers, shape (planes, i, j, k).
    """

    def __init__(self, planes: NDArray[np.unsignedinteger[Any]]) -> None:
        self._shape = planes.shape[1:]
        self._planes = [_blocks(plane) for plane in planes]

    def islands(self, bits: Sets) -> Iterator[tuple[Box, Mask | None]]:
        """Islands of the union of some classes: the box of each and its mask within the box (None: the whole box).

        Boxes consist of whole blocks, limited to the image.
        """
        labels = connected_components(self._holding(bits))
        for number, coarse in enumerate(cc3d.statistics(labels)["bounding_boxes"][1:], start=1):
            part = labels[coarse]
            alone = not ((part != 0) & (part != number)).any()
            box = self._voxels(coarse)
            yield box, None if alone else _repeated(part == number, box)

    def any(self, bits: Sets) -> bool:
        """Whether the union of some classes has a voxel."""
        return bool(self._holding(bits).any())

    def any_shared(self, one: Sets, other: Sets) -> Box | None:
        """Box around the blocks that contain both classes."""
        shared = self._holding(one) & self._holding(other)
        if not shared.any():
            return None
        at = np.argwhere(shared)
        i, j, k = (slice(int(a), int(b) + 1) for a, b in zip(at.min(axis=0), at.max(axis=0), strict=True))
        return self._voxels((i, j, k))

    def aligned(self, box: Box) -> Box:
        """Smallest box of whole blocks around a box."""
        return self._voxels(_blocks_of(box))

    def update(self, of_class: Sets, box: Box, mask: Mask) -> None:
        """Update the mask of a class in an aligned box."""
        ((plane, bit),) = of_class.items()
        blocks = self._planes[plane][_blocks_of(box)]
        holds = _block_union(mask, np.logical_or, axes=(0, 1, 2))
        np.copyto(blocks, np.where(holds, blocks | bit, blocks & ~bit))

    def _holding(self, bits: Sets) -> Mask:
        """Blocks that contain any of some classes."""
        found = np.zeros(self._planes[0].shape, np.bool_)
        for plane, some in bits.items():
            found |= (self._planes[plane] & some) != 0
        return found

    def _voxels(self, blocks: Box) -> Box:
        i, j, k = (slice(s.start * BLOCK, min(n, s.stop * BLOCK)) for s, n in zip(blocks, self._shape, strict=True))
        return i, j, k


def _blocks(plane: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    # Whole slabs first: one pass in memory order, and each slab is reduced to blocks before the next is computed.
    slabs = (np.bitwise_or.reduce(plane[i : i + BLOCK], axis=0) for i in range(0, len(plane), BLOCK))
    return np.stack([_block_union(slab, np.bitwise_or, axes=(0, 1)) for slab in slabs])


def _repeated(blocks: Mask, box: Box) -> Mask:
    """Upsample blocks to voxels, cropped to the box."""
    whole = blocks.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)
    return whole[tuple(slice(s.stop - s.start) for s in box)]


def _blocks_of(box: Box) -> Box:
    i, j, k = (slice(s.start // BLOCK, -(-s.stop // BLOCK)) for s in box)
    return i, j, k


def _block_union(array: NDArray[Any], union: np.ufunc, axes: tuple[int, ...]) -> NDArray[Any]:
    for axis in axes:
        array = union.reduceat(array, range(0, array.shape[axis], BLOCK), axis=axis)
    return array
