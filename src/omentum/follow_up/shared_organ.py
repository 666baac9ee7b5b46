"""Organs visible in two scans: their surfaces, and registration of several organs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from omentum.boxes import Box
from omentum.follow_up.transform import AffineTransform, fit_shift
from omentum.measure.diameters import Points
from omentum.measure.measures import centre
from omentum.measure.organ_surface import organ_surface_mm
from omentum.segmentation import Segmentation
from omentum.volume import Grid

POINTS_PER_ORGAN = 800
POINTS_TO_FIND = 20_000
"""Surfaces are subsampled to this many points for nearest-neighbour search: under 2 mm apart on a liver on average."""
ROUNDS = 60
PASSES = (4, 0.05), (1, 0.02)
"""Passes of the registration as (point stride, tolerance in mm): a pass ends when no point moves by more, or after a
maximum number of iterations."""
TRIM = 3.0
"""Points further from their counterpart than this multiple of the median distance are trimmed,"""
TRIM_LEAST_MM = 2.0
"""unless they are closer than this."""

Pairs = tuple[Points, Points, NDArray[np.float64]]
Fit = Callable[[Points, Points], AffineTransform]
Boxed = tuple[Segmentation, Mapping[str, Box]]


class SharedOrgan:
    """One organ in both scans.

    Args:
        key: Structure key.
        before, after: Both scans, with the bounding boxes of their structures.
    """

    def __init__(self, key: str, before: Boxed, after: Boxed) -> None:
        self.key = key
        surfaces = [organ_surface_mm(seg, [key], boxes) for seg, boxes in (before, after)]
        self._before, self._after = (
            _Surface(mm, scan[0].grid) for mm, scan in zip(surfaces, (before, after), strict=True)
        )
        self.before_mm, self.after_mm = (_centre_mm(*scan, key) for scan in (before, after))
        self.is_whole = not (_touches_border(*before, key) or _touches_border(*after, key))
        self.points = len(self._before.points_mm) + len(self._after.points_mm)
        self.volumes_ml = _volume_ml(*before, key), _volume_ml(*after, key)
        self.coarsest_mm = max(*before[0].grid.spacing_mm, *after[0].grid.spacing_mm)

    def pairs(self, motion: AffineTransform, every: int = 1) -> Pairs:
        """Closest-point pairs for surface points of the later scan that are in the earlier field of view.

        Args:
            motion: Motion of the later scan.
            every: Use only every n-th point.
        """
        points = self._after.points_mm[::every]
        seen, nearest, distances = self._before.nearest(motion(points))
        return points[seen], nearest, distances

    def apart_mm(self, motion: AffineTransform) -> NDArray[np.float64]:
        """Distances of the two surfaces in mm, from points of either that are in the other field of view."""
        back = self._after.nearest(motion.inverse(self._before.points_mm))[2]
        return np.concatenate([self.pairs(motion)[2], back])

    def follow(self, motion: AffineTransform) -> AffineTransform:
        """The motion followed by the shift that aligns this organ best."""
        # Surface points alone underestimate shifts along an elongated organ.
        off_mm = self.before_mm - motion(self.after_mm) if self.is_whole else np.zeros(3)
        return register_organs([self], motion.shifted(off_mm), fit_shift)


class _Surface:
    """Surface of an organ in one scan: some evenly spread points, and a denser set for nearest-neighbour search."""

    def __init__(self, surface_mm: Points, field: Grid) -> None:
        self.points_mm, self._all_mm = (
            surface_mm[:: -(-len(surface_mm) // most)] for most in (POINTS_PER_ORGAN, POINTS_TO_FIND)
        )
        self._tree, self._field = cKDTree(self._all_mm), field

    def nearest(self, points_mm: Points) -> tuple[NDArray[np.bool_], Points, NDArray[np.float64]]:
        """For points in the field of view: which they are, their nearest surface points, and the distances."""
        seen = is_within(points_mm, self._field)
        distances, at = self._tree.query(points_mm[seen])
        return seen, self._all_mm[at], distances


def register_organs(organs: Sequence[SharedOrgan], motion: AffineTransform, fit: Fit) -> AffineTransform:
    """Trimmed iterated closest points (Besl and McKay 1992; Chetverikov 2002).

    Args:
        organs: Organs to align.
        motion: Initial motion.
        fit: Fit of the motion that is composed with the initial one, such as `fit_rigid`.
    """
    for every, enough_mm in PASSES:
        for _ in range(ROUNDS):
            pairs = closest_points(organs, motion, every)
            if pairs is None:
                return motion
            moved = motion(pairs[0])
            step = fit(moved, pairs[1])
            motion = motion.followed_by(step)
            if np.linalg.norm(step(moved) - moved, axis=1).max() < enough_mm:
                break
    return motion


def closest_points(
    organs: Sequence[SharedOrgan], motion: AffineTransform, every: int = 1
) -> tuple[Points, Points] | None:
    """Closest-point pairs that are not outliers; None if the scans have no part of an organ in common."""
    points, targets, distances = (
        np.concatenate(part) for part in zip(*(organ.pairs(motion, every) for organ in organs), strict=True)
    )
    if len(points) == 0:
        return None
    near = distances <= max(TRIM * float(np.median(distances)), TRIM_LEAST_MM)
    return points[near], targets[near]


def is_within(points_mm: Points, grid: Grid) -> NDArray[np.bool_]:
    """Whether points, shape (n, 3), lie in the field of view of a grid; bool, shape (n,)."""
    at = (points_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    return np.asarray(((at >= -0.5) & (at <= np.array(grid.shape) - 0.5)).all(axis=1))


def _volume_ml(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> float:
    return float(np.count_nonzero(seg.mask(key, boxes[key]))) * seg.grid.voxel_volume_ml


def _touches_border(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> bool:
    return any(s.start == 0 or s.stop == n for s, n in zip(boxes[key], seg.shape, strict=True))


def _centre_mm(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> NDArray[np.float64]:
    box = boxes[key]
    return seg.grid.to_world(centre(seg.mask(key, box)) + [s.start for s in box])
