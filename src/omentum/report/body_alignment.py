"""One patient scanned twice: how the body of one scan lies in the other.

The organs say it, not the grey values. First the centres of organs that both scans show whole, then their surfaces,
point to nearest point, organ by organ; points without a counterpart (beyond the other scan's field of view, or on what
has changed) do not count. The motion is rigid. What breathing moves is then followed organ by organ, by a shift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import InputError
from omentum.report.diameters import Points
from omentum.report.measures import centre
from omentum.report.organ_surface import organ_surface_mm
from omentum.report.rigid import Rigid, fitted, shifted_by
from omentum.segmentation import Segmentation
from omentum.volume import Grid

UNSTEADY = frozenset({"stomach", "duodenum", "colon", "small_bowel", "rectum", "bladder", "gallbladder"})
"""They fill, empty and wander between two scans: asked only where there is nothing else."""
OUTLIER_MM = 10.0
"""An organ whose centre is this far off counts half."""
POINTS_PER_ORGAN = 1500
ROUNDS, ENOUGH_MM = 100, 0.005
"""Surfaces are brought together in so many rounds at most, until a round moves no point by more than this."""
TRIM = 3.0
"""A point further from its counterpart than so many medians of all points' distances does not count ..."""
TRIM_LEAST_MM = 2.0
"""... unless it is as close as this."""


POOR_RESIDUAL_MM, POOR_SHIFT_MM = 6.0, 15.0
"""Surfaces or organs further apart than this after alignment are no good fit: deep breaths move organs by 10 to 20 mm,
but not all of them."""

_Boxed = tuple[Segmentation, Mapping[str, Box]]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where the later scan lies in the earlier one.

    Args:
        motion: RAS+ mm of the later scan -> RAS+ mm of the earlier one.
        organs: Keys of the structures that were used.
        residual_mm: Median distance of their surfaces afterwards.
        shifts_mm: For each of these organs, how far it lies from there, in mm of the earlier scan.
    """

    motion: Rigid
    organs: tuple[str, ...]
    residual_mm: float
    shifts_mm: dict[str, NDArray[np.float64]]

    @property
    def organs_apart_mm(self) -> float:
        """How far a typical (median) organ lies from where the motion of the body puts it."""
        return float(np.median([np.linalg.norm(shift) for shift in self.shifts_mm.values()]))

    @property
    def fits(self) -> bool:
        """Whether places can be compared. It does not prove that it is one patient: bodies resemble one another."""
        return self.residual_mm <= POOR_RESIDUAL_MM and self.organs_apart_mm <= POOR_SHIFT_MM

    def motion_of(self, organ: str | None) -> Rigid:
        """The motion of what lives in an organ."""
        shift = self.shifts_mm.get(organ or "", np.zeros(3))
        return Rigid(self.motion.rotation, self.motion.shift_mm + shift)


def align_bodies(before: Segmentation, after: Segmentation) -> Alignment:
    """Bring the later scan of a patient onto the earlier one.

    Raises:
        InputError: there is no organ in both.
    """
    boxes, later_boxes = before.boxes(), after.boxes()
    shared = [key for key in before.classes if key in boxes and key in later_boxes]
    organs = [key for key in shared if STRUCTURES[key].kind in ("organ", "vessel")]
    steady = [key for key in organs if key not in UNSTEADY] or organs
    if not steady:
        raise InputError(
            "the two scans have no organ in common to be aligned by",
            remedy="segment both with the organs around the lesions, not the lesions alone",
        )
    shared_organs = [_SharedOrgan(key, (before, boxes), (after, later_boxes)) for key in steady]
    motion = _brought_together(shared_organs, _by_centres(shared_organs), turning=True)
    distances = np.concatenate([organ.pairs(motion)[2] for organ in shared_organs])
    if len(distances) == 0:
        raise InputError("the two scans show no part of an organ in common")
    shifts_mm = {organ.key: organ.follow(motion).shift_mm - motion.shift_mm for organ in shared_organs}
    return Alignment(motion, tuple(steady), float(np.median(distances)), shifts_mm)


def is_within(points_mm: Points, grid: Grid) -> NDArray[np.bool_]:
    """Which points lie in the field of view of a grid, shape (n, 3) -> (n,)."""
    at = (points_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    return np.asarray(((at >= -0.5) & (at <= np.array(grid.shape) - 0.5)).all(axis=1))


class _SharedOrgan:
    """One organ in both scans."""

    def __init__(self, key: str, before: _Boxed, after: _Boxed) -> None:
        self.key = key
        self._before_mm, after_mm = (organ_surface_mm(seg, [key], boxes) for seg, boxes in (before, after))
        self._tree = cKDTree(self._before_mm)
        self._after_mm = after_mm[:: -(-len(after_mm) // POINTS_PER_ORGAN)]
        self._field = before[0].grid
        self.before_mm, self.after_mm = (_centre_mm(*scan, key) for scan in (before, after))
        self.is_whole = not (_is_cut(*before, key) or _is_cut(*after, key))

    def pairs(self, motion: Rigid) -> tuple[Points, Points, NDArray[np.float64]]:
        """Points of the later scan that the earlier one can show, the nearest ones there, and how far they are."""
        moved = motion(self._after_mm)
        seen = is_within(moved, self._field)
        distances, nearest = self._tree.query(moved[seen])
        return self._after_mm[seen], self._before_mm[nearest], distances

    def follow(self, motion: Rigid) -> Rigid:
        """The motion, shifted to where this organ is."""
        # Surfaces alone slide too little along a long organ.
        off_mm = self.before_mm - motion(self.after_mm) if self.is_whole else np.zeros(3)
        return _brought_together([self], Rigid(motion.rotation, motion.shift_mm + off_mm), turning=False)


def _is_cut(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> bool:
    return any(s.start == 0 or s.stop == n for s, n in zip(boxes[key], seg.shape, strict=True))


def _centre_mm(seg: Segmentation, boxes: Mapping[str, Box], key: str) -> NDArray[np.float64]:
    box = boxes[key]
    return seg.grid.to_world(centre(seg.mask(key, box)) + [s.start for s in box])


def _by_centres(organs: Sequence[_SharedOrgan]) -> Rigid:
    """A first guess. Centres of cut organs are wrong, so they serve only where no organ is whole in both scans."""
    whole = [organ for organ in organs if organ.is_whole]
    here = np.array([organ.after_mm for organ in whole or organs])
    there = np.array([organ.before_mm for organ in whole or organs])
    if not whole:
        return shifted_by(np.median(there - here, axis=0))
    motion = fitted(here, there)
    for _ in range(10):
        off_mm = np.linalg.norm(motion(here) - there, axis=1)
        motion = fitted(here, there, 1 / (1 + (off_mm / OUTLIER_MM) ** 2))
    return motion


def _brought_together(organs: Sequence[_SharedOrgan], motion: Rigid, *, turning: bool) -> Rigid:
    """Iterated closest points, trimmed."""
    for _ in range(ROUNDS):
        points, targets, distances = (
            np.concatenate(part) for part in zip(*(organ.pairs(motion) for organ in organs), strict=True)
        )
        if len(points) == 0:
            return motion
        near = distances <= max(TRIM * float(np.median(distances)), TRIM_LEAST_MM)
        moved = motion(points[near])
        step = fitted(moved, targets[near]) if turning else shifted_by((targets[near] - moved).mean(axis=0))
        motion = Rigid(step.rotation @ motion.rotation, step.rotation @ motion.shift_mm + step.shift_mm)
        if np.linalg.norm(step(moved) - moved, axis=1).max() < ENOUGH_MM:
            break
    return motion
