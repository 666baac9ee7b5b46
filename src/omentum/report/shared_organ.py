"""An organ that two scans of a patient show: where its surface lies, and the motion that brings several together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from omentum.boxes import Box
from omentum.report.diameters import Points
from omentum.report.measures import centre
from omentum.report.motion import Motion, fitted_shift
from omentum.report.organ_surface import organ_surface_mm
from omentum.segmentation import Segmentation
from omentum.volume import Grid

POINTS_PER_ORGAN = 1500
ROUNDS, ENOUGH_MM = 100, 0.005
"""Surfaces are brought together in so many rounds at most, until a round moves no point by more than this."""
TRIM = 3.0
"""A point further from its counterpart than so many medians of all points' distances does not count ..."""
TRIM_LEAST_MM = 2.0
"""... unless it is as close as this."""

Pairs = tuple[Points, Points, NDArray[np.float64]]
Fit = Callable[[Points, Points], Motion]
Boxed = tuple[Segmentation, Mapping[str, Box]]


class SharedOrgan:
    """One organ in both scans.

    Args:
        key: Of the structure.
        before, after: The scans, with the boxes of what they hold.
    """

    def __init__(self, key: str, before: Boxed, after: Boxed) -> None:
        self.key = key
        self._before_mm, after_mm = (organ_surface_mm(seg, [key], boxes) for seg, boxes in (before, after))
        self._tree = cKDTree(self._before_mm)
        self._after_mm = after_mm[:: -(-len(after_mm) // POINTS_PER_ORGAN)]
        self._field = before[0].grid
        self.before_mm, self.after_mm = (_centre_mm(*scan, key) for scan in (before, after))
        self.is_whole = not (_is_cut(*before, key) or _is_cut(*after, key))

    def pairs(self, motion: Motion) -> Pairs:
        """Points of the later scan that the earlier one can show, the nearest ones there, and how far they are."""
        moved = motion(self._after_mm)
        seen = is_within(moved, self._field)
        distances, nearest = self._tree.query(moved[seen])
        return self._after_mm[seen], self._before_mm[nearest], distances

    def follow(self, motion: Motion) -> Motion:
        """The motion, shifted to where this organ is."""
        # Surfaces alone slide too little along a long organ.
        off_mm = self.before_mm - motion(self.after_mm) if self.is_whole else np.zeros(3)
        return brought_together([self], motion.shifted(off_mm), fitted_shift)


def brought_together(organs: Sequence[SharedOrgan], motion: Motion, fit: Fit) -> Motion:
    """Iterated closest points (Besl and McKay 1992), trimmed (Chetverikov 2002).

    Args:
        organs: What is to lie on its counterpart.
        motion: Where to start.
        fit: The kind of motion that is looked for, added to the first.
    """
    for _ in range(ROUNDS):
        pairs = near_pairs(organs, motion)
        if pairs is None:
            return motion
        moved = motion(pairs[0])
        step = fit(moved, pairs[1])
        motion = motion.followed_by(step)
        if np.linalg.norm(step(moved) - moved, axis=1).max() < ENOUGH_MM:
            break
    return motion


def near_pairs(organs: Sequence[SharedOrgan], motion: Motion) -> tuple[Points, Points] | None:
    """The pairs that are not far off; None where the scans show no part of an organ in common."""
    points, targets, distances = (
        np.concatenate(part) for part in zip(*(organ.pairs(motion) for organ in organs), strict=True)
    )
    if len(points) == 0:
        return None
    near = distances <= max(TRIM * float(np.median(distances)), TRIM_LEAST_MM)
    return points[near], targets[near]


def is_within(points_mm: Points, grid: Grid) -> NDArray[np.bool_]:
    """Which points lie in the field of view of a grid, shape (n, 3) -> (n,)."""
    at = (points_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    return np.asarray(((at >= -0.5) & (at <= np.array(grid.shape) - 0.5)).all(axis=1))


def _is_cut(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> bool:
    return any(s.start == 0 or s.stop == n for s, n in zip(boxes[key], seg.shape, strict=True))


def _centre_mm(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> NDArray[np.float64]:
    box = boxes[key]
    return seg.grid.to_world(centre(seg.mask(key, box)) + [s.start for s in box])
