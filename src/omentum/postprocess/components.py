"""Connected pieces of a mask, which of them stay, and the cavities they close."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.postprocess.boxes import shifted
from omentum.postprocess.rules import Rule
from omentum.segmentation import Box
from omentum.volume import Grid

Mask = NDArray[np.bool_]

EDGE_SHARE = 0.1
"""Of the least volume, for a piece at the edge of the image."""
_POSITION_DECIMALS = 3
"""Places are compared to a micrometre: nearer than any voxel, coarser than rounding."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Connected pieces (26 neighbours) of a mask.

    Args:
        labels: Shape of the mask; 0 outside, 1..n the pieces, in no meaningful order.
        voxels: Number of voxels by label, shape (n + 1,); that of 0 means nothing.
        centres: Centre of gravity by label in voxels of the mask's array, shape (n + 1, 3).
        boxes: The box around each piece by label.
    """

    labels: NDArray[np.unsignedinteger]
    voxels: NDArray[np.int64]
    centres: NDArray[np.float64]
    boxes: list[Box]

    def __len__(self) -> int:
        return len(self.voxels) - 1

    def boxes_of(self, wanted: Mask, box: Box) -> list[Box]:
        """The boxes, in the image's voxels, of the pieces for which `wanted` (by label) is true."""
        return [shifted(self.boxes[number], box) for number in np.flatnonzero(wanted)]

    def selected(self, wanted: Mask) -> Mask:
        """The mask of the pieces for which `wanted` (by label) is true."""
        return wanted[self.labels]


def pieces_of(mask: Mask) -> Pieces:
    """All pieces of a mask; none of an empty one."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=26)
    facts = cc3d.statistics(labels)
    return Pieces(labels, facts["voxel_counts"].astype(np.int64), facts["centroids"], facts["bounding_boxes"])


def staying(pieces: Pieces, rule: Rule, grid: Grid, box: Box) -> Mask:
    """Which pieces stay by size and number, by label (false for 0).

    Pieces that reach the same face of the image may hang together outside it, so they count as one; and they may be
    the tip of something large, so less is asked of their size.

    Args:
        pieces: Of the part of the mask in `box`.
        rule: `keep` and `minimum_ml` are obeyed.
        grid: Of the whole image.
        box: Where the pieces' array lies in it.
    """
    edge = np.zeros(len(pieces) + 1, bool)
    for touching in _on_the_edge(pieces, grid.shape, box):
        edge[touching] = True
    stays = pieces.voxels * grid.voxel_volume_ml >= rule.minimum_ml * np.where(edge, EDGE_SHARE, 1.0)
    stays[0] = False
    if rule.keep is None or stays.sum() <= rule.keep:
        return stays
    group = _joined_outside(pieces, stays, grid.shape, box)
    origin = np.array([s.start for s in box])
    ranks = {
        number: _rank(pieces, np.flatnonzero(stays & (group == number)), grid, origin)
        for number in np.unique(group[stays])
    }
    last = sorted(ranks.values(), reverse=True)[: rule.keep][-1]
    # Pieces that size and place cannot tell apart (mirror images of one another) stay or go together.
    return stays & np.isin(group, [number for number, rank in ranks.items() if rank >= last])


def closed_cavities(mask: Mask, limit_voxels: float) -> Mask:
    """Background that no path (6 neighbours) leads out of the array from, in cavities of at most so many voxels."""
    outside = cc3d.connected_components(np.ascontiguousarray(~mask), connectivity=6)
    sizes = np.bincount(outside.ravel())
    closed = sizes <= limit_voxels
    closed[0] = False
    for face in _faces(outside):
        closed[np.unique(face)] = False
    return closed[outside] if closed.any() else np.zeros_like(mask)


def _rank(pieces: Pieces, members: NDArray[np.intp], grid: Grid, origin: NDArray[np.intp]) -> tuple[float, ...]:
    """Larger first; of equal ones the higher, then the more anterior: an order that a mirror does not change."""
    counts = pieces.voxels[members]
    centre = (counts[:, None] * pieces.centres[members]).sum(axis=0) / counts.sum()
    _, y, z = np.round(grid.to_world(centre + origin), _POSITION_DECIMALS)
    return float(counts.sum()), float(z), float(y)


def _joined_outside(pieces: Pieces, stays: Mask, shape: tuple[int, int, int], box: Box) -> NDArray[np.intp]:
    """By label: the number of the group that a piece belongs to."""
    group = np.arange(len(stays))
    for touching in _on_the_edge(pieces, shape, box):
        numbers = group[touching[stays[touching]]]
        group[np.isin(group, numbers)] = numbers.min(initial=len(group))
    return group


def _on_the_edge(pieces: Pieces, shape: tuple[int, int, int], box: Box) -> Iterator[NDArray[np.unsignedinteger]]:
    """For each face of the image that the box reaches: the labels there."""
    for axis, (s, n) in enumerate(zip(box, shape, strict=True)):
        for end, reached in ((0, s.start == 0), (-1, s.stop == n)):
            if reached:
                yield np.unique(np.take(pieces.labels, end, axis=axis))


def _faces(array: NDArray[np.unsignedinteger]) -> list[NDArray[np.unsignedinteger]]:
    return [np.take(array, end, axis=axis) for axis in range(3) for end in (0, -1)]
