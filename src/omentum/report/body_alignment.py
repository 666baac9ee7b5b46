"""One patient scanned twice: how the body of one scan lies in the other.

The organs say it, not the grey values. First the centres of organs that both scans show whole, then their surfaces,
point to nearest point, organ by organ; points without a counterpart (beyond the other scan's field of view, or on what
has changed) do not count. The motion is rigid, or affine where that is known to be better (see `stretched`). What
breathing moves is then followed organ by organ, by a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError
from omentum.report.motion import Motion, fitted_rigid
from omentum.report.shared_organ import SharedOrgan, brought_together
from omentum.report.stretched import stretched
from omentum.segmentation import Segmentation

UNSTEADY = frozenset({"stomach", "duodenum", "colon", "small_bowel", "rectum", "bladder", "gallbladder"})
"""They fill, empty and wander between two scans: asked only where there is nothing else."""
OUTLIER_MM = 10.0
"""An organ whose centre is this far off counts half."""
POOR_RESIDUAL_MM, POOR_SHIFT_MM = 6.0, 15.0
"""Surfaces or organs further apart than this after alignment are no good fit: deep breaths move organs by 10 to 20 mm,
but not all of them."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where the later scan lies in the earlier one.

    Args:
        motion: RAS+ mm of the later scan -> RAS+ mm of the earlier one.
        is_affine: Whether the body had to be stretched; else the motion is rigid.
        organs: Keys of the structures that were used.
        residual_mm: Median distance of their surfaces afterwards.
        shifts_mm: For each of these organs, how far it lies from there, in mm of the earlier scan.
    """

    motion: Motion
    is_affine: bool
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

    def motion_of(self, organ: str | None) -> Motion:
        """The motion of what lives in an organ."""
        return self.motion.shifted(self.shifts_mm.get(organ or "", np.zeros(3)))


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
    shared_organs = [SharedOrgan(key, (before, boxes), (after, later_boxes)) for key in steady]
    rigid = brought_together(shared_organs, _by_centres(shared_organs), fitted_rigid)
    affine = stretched(shared_organs, rigid)
    motion = affine or rigid
    distances = np.concatenate([organ.pairs(motion)[2] for organ in shared_organs])
    if len(distances) == 0:
        raise InputError("the two scans show no part of an organ in common")
    shifts_mm = {organ.key: organ.follow(motion).shift_mm - motion.shift_mm for organ in shared_organs}
    return Alignment(motion, affine is not None, tuple(steady), float(np.median(distances)), shifts_mm)


def _by_centres(organs: Sequence[SharedOrgan]) -> Motion:
    """A first guess. Centres of cut organs are wrong, so they serve only where no organ is whole in both scans."""
    whole = [organ for organ in organs if organ.is_whole]
    here = np.array([organ.after_mm for organ in whole or organs])
    there = np.array([organ.before_mm for organ in whole or organs])
    if not whole:
        return Motion(np.eye(3), np.median(there - here, axis=0))
    motion = fitted_rigid(here, there)
    for _ in range(10):
        off_mm = np.linalg.norm(motion(here) - there, axis=1)
        motion = fitted_rigid(here, there, 1 / (1 + (off_mm / OUTLIER_MM) ** 2))
    return motion
