"""Connected components of a mask: which to keep, and the holes they enclose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box, relative, shifted
from omentum.components import component_sizes, connected_components, select_components
from omentum.postprocess.rules import Rule
from omentum.volume import Grid

Mask = NDArray[np.bool_]
Labels = NDArray[np.unsignedinteger]

EDGE_SHARE = 0.1
"""Of the least volume, for a component at the edge of the image."""
_POSITION_DECIMALS = 3
"""Places are compared to a micrometre: nearer than any voxel, coarser than rounding."""


@dataclass(frozen=True, eq=False)
class ComponentBlock:
    """Some of the components: labels 1..n in a box are components offset + 1 .. offset + n."""

    box: Box
    labels: Labels
    offset: int
    n: int

    def selected(self, wanted: Mask) -> Mask:
        """Mask, in the block's box, of the components for which `wanted` (by component number) is true."""
        ours = wanted[self.offset + 1 : self.offset + self.n + 1]
        return self.labels > 0 if ours.all() else select_components(self.labels, np.concatenate([[False], ours]))

    def component(self, number: int, box: Box) -> Mask:
        """Mask of one component in a box (in image voxels) inside the block's box."""
        return np.asarray(self.labels[relative(box, self.box)] == number - self.offset)

    def count(self, voxels: Mask) -> NDArray[np.int64]:
        """Number of voxels of a mask in the block's box, for each label 0..n."""
        return np.bincount(self.labels[voxels], minlength=self.n + 1)


@dataclass(frozen=True, eq=False)
class Components:
    """Connected components (26-connectivity) of a mask, numbered from 1 in arbitrary order.

    Args:
        parts: Blocks with their labels.
        voxels: Number of voxels by component, shape (n + 1,); entry 0 is 0.
        centres: Centroid by component in image voxels, shape (n + 1, 3).
        boxes: Bounding box of each component in image voxels; entry 0 is unused.
    """

    parts: tuple[ComponentBlock, ...]
    voxels: NDArray[np.int64]
    centres: NDArray[np.float64]
    boxes: tuple[Box, ...]

    def __len__(self) -> int:
        return len(self.voxels) - 1

    def selected(self, wanted: Mask) -> Iterator[tuple[Box, Mask]]:
        """Boxes and masks of the components for which `wanted` (by number) is true; blocks without any are skipped."""
        for part in self.parts:
            if wanted[part.offset + 1 : part.offset + part.n + 1].any():
                yield part.box, part.selected(wanted)

    def largest(self, count: int) -> Mask:
        """By component number: whether it is among the `count` largest."""
        found = np.zeros(len(self) + 1, bool)
        found[np.argsort(-self.voxels[1:], kind="stable")[:count] + 1] = True
        return found


def label_components(islands: Iterable[tuple[Box, Mask]]) -> Components:
    """Label the components of a mask given in blocks that do not touch each other."""
    parts, voxels, centres = [], [np.zeros(1, np.int64)], [np.zeros((1, 3))]
    boxes: list[Box] = [(slice(0, 0), slice(0, 0), slice(0, 0))]
    for box, mask in islands:
        labels = connected_components(mask)
        facts = cc3d.statistics(labels)
        parts.append(ComponentBlock(box, labels, len(boxes) - 1, len(facts["voxel_counts"]) - 1))
        voxels.append(facts["voxel_counts"][1:].astype(np.int64))
        centres.append(facts["centroids"][1:] + [s.start for s in box])
        boxes += [shifted(inner, box) for inner in facts["bounding_boxes"][1:]]
    return Components(tuple(parts), np.concatenate(voxels), np.concatenate(centres), tuple(boxes))


def components_to_keep(components: Components, rule: Rule, grid: Grid) -> Mask:
    """Select the components to keep by size and rank; bool by component number (False for 0).

    Components at the same face of the image may be connected outside it, so they count as one. They may also be the tip
    of a large organ, so a lower size limit applies.

    Args:
        components: Components of one structure.
        rule: `keep` and `minimum_ml` are used.
        grid: Grid of the image.
    """
    faces = list(_on_the_faces(components, grid.shape))
    minimum_ml = np.full(len(components) + 1, rule.minimum_ml)
    for touching in faces:
        minimum_ml[touching] = rule.minimum_ml * EDGE_SHARE
    stays = components.voxels * grid.voxel_volume_ml >= minimum_ml
    stays[0] = False
    if rule.keep is None or stays.sum() <= rule.keep:
        return stays
    group = _joined_outside(faces, stays)
    ranks = {n: _rank(components, np.flatnonzero(stays & (group == n)), grid) for n in np.unique(group[stays])}
    last = sorted(ranks.values(), reverse=True)[: rule.keep][-1]
    # Components with equal size and position (mirror images of each other) are kept or removed together.
    return stays & np.isin(group, [n for n, rank in ranks.items() if rank >= last])


def closed_holes(mask: Mask, limit_voxels: float) -> Mask:
    """Holes: 6-connected background that does not reach the array faces, of at most `limit_voxels` voxels."""
    outside = cc3d.connected_components(np.ascontiguousarray(~mask), connectivity=6)
    closed = component_sizes(outside) <= limit_voxels
    closed[0] = False
    for axis, end in product(range(3), (0, -1)):
        closed[np.unique(np.take(outside, end, axis=axis))] = False
    return select_components(outside, closed) if closed.any() else np.zeros_like(mask)


def _rank(components: Components, members: NDArray[np.intp], grid: Grid) -> tuple[float, ...]:
    """Sort key: larger first, then the more superior, then the more anterior; invariant under mirroring."""
    counts = components.voxels[members]
    centre = (counts[:, None] * components.centres[members]).sum(axis=0) / counts.sum()
    _, y, z = np.round(grid.to_world(centre), _POSITION_DECIMALS)
    return float(counts.sum()), float(z), float(y)


def _joined_outside(faces: list[NDArray[np.intp]], stays: Mask) -> NDArray[np.intp]:
    """Group number by component number; components at a common face share a group."""
    group = np.arange(len(stays))
    for touching in faces:
        numbers = group[touching[stays[touching]]]
        group[np.isin(group, numbers)] = numbers.min(initial=len(group))
    return group


def _on_the_faces(components: Components, shape: tuple[int, int, int]) -> Iterator[NDArray[np.intp]]:
    """For each face of the image: numbers of the components that touch it."""
    starts = np.array([[s.start for s in box] for box in components.boxes])
    stops = np.array([[s.stop for s in box] for box in components.boxes])
    for axis in range(3):
        yield np.flatnonzero(starts[1:, axis] == 0) + 1
        yield np.flatnonzero(stops[1:, axis] == shape[axis]) + 1
