"""Alignment of two scans of a patient by their organs, and whether they can show the same body.

Segmented organs are aligned, not grey values. If both scans share a frame of reference or a voxel lattice, they are
assumed to be aligned unless organs contradict. Otherwise the centroids of organs that both scans show completely give a
first motion, which is refined with iterated closest points on their surfaces. Points without a counterpart (outside the
other field of view, or where the anatomy has changed) are ignored. The motion is rigid, or affine if that is better
(`affine_if_better`). A shift per organ then corrects for breathing. `agreement` measures whether the result is
reliable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError
from omentum.follow_up.affine_fit import affine_if_better
from omentum.follow_up.agreement import MANY, OrganAgreement, agreement
from omentum.follow_up.frames import on_same_lattice, overlap
from omentum.follow_up.shared_organ import SharedOrgan, closest_points, register_organs
from omentum.follow_up.transform import AffineTransform, fit_rigid
from omentum.formatting import counted
from omentum.segmentation import Segmentation

UNSTEADY = frozenset({"stomach", "duodenum", "colon", "small_bowel", "rectum", "bladder", "gallbladder"})
"""Organs that change shape and position between scans; used only if there are no others."""
OUTLIER_MM = 10.0
"""Distance of a centroid at which its organ has half the weight."""
POOR_SHIFT_MM = 15.0
"""Maximum median distance of organs after alignment: deep breathing moves organs by 10 to 20 mm, but not all of
them."""
STILL_MM = 0.5
"""Minimum reduction of distance for a motion to be preferred to none, if no motion is expected."""
FEW_TURN_DEGREES, PART_SEEN = 15.0, 0.4
"""Maximum rotation in degrees if few organs, or less than this share of their surfaces, are visible."""
EVEN_STRETCH = 0.06
"""Weight change and breathing leave one direction of the trunk nearly unscaled; a wrong spacing does not."""
STILL_SCAN = AffineTransform(np.eye(3), np.zeros(3))


class AlignmentBasis(StrEnum):
    """Basis of an alignment."""

    ORGANS = "organs"
    FRAME_OF_REFERENCE = "frame of reference"
    """Both scans share a DICOM frame of reference; no motion."""
    GRIDS = "grids"
    """Both scans share a voxel lattice; no motion."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Position of the later scan relative to the earlier one.

    Args:
        motion: RAS+ mm of the later scan -> RAS+ mm of the earlier one.
        is_affine: Whether the motion is affine; otherwise it is rigid.
        basis: Basis of the alignment: organs, or (without any motion) a common frame of reference or voxel lattice.
        agreement: Agreement of the organs; None if no organ lies in both fields of view.
        shifts_mm: Residual shift of each organ used, in mm of the earlier scan.
    """

    motion: AffineTransform
    is_affine: bool
    basis: AlignmentBasis
    agreement: OrganAgreement | None
    shifts_mm: dict[str, NDArray[np.float64]]

    @property
    def organs(self) -> tuple[str, ...]:
        """Keys of the structures used."""
        return tuple(self.shifts_mm)

    @property
    def residual_mm(self) -> float | None:
        """Residual distance of organs, in place and shape; None if no organ is in both fields of view."""
        return None if self.agreement is None else self.agreement.residual_mm

    @property
    def organs_apart_mm(self) -> float | None:
        """Median distance of organs from the position that the motion of the body predicts, in mm."""
        shifts_mm = [np.linalg.norm(shift) for shift in self.shifts_mm.values()]
        return float(np.median(shifts_mm)) if shifts_mm else None

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Reasons not to trust the alignment, each with its limit; empty if there are none."""
        told = []
        found, apart_mm, degrees = self.agreement, self.organs_apart_mm, self.motion.degrees
        if found is None:
            return () if self.basis is not AlignmentBasis.ORGANS else ("no organ lies in both fields of view",)
        organs = counted(len(found.organs), "organ")
        if not found.fits:
            told.append(
                f"organs differ by {found.residual_mm:.1f} mm after alignment (limit {found.limit_mm:.1f} mm, {organs})"
            )
        if apart_mm is not None and apart_mm > POOR_SHIFT_MM:
            told.append(f"organs lie {apart_mm:.0f} mm apart after alignment (limit {POOR_SHIFT_MM:.0f} mm)")
        if degrees > FEW_TURN_DEGREES and (len(found.organs) < MANY or found.seen < PART_SEEN):
            told.append(
                f"turned by {degrees:.1f} degrees on the word of {organs}, {found.seen:.0%} of their surfaces "
                f"(limit {FEW_TURN_DEGREES:.0f} degrees)"
            )
        evenly = max(1 / self.motion.scale_factors[0], self.motion.scale_factors[2]) - 1
        if self.is_affine and evenly > EVEN_STRETCH:
            told.append(
                f"one is larger than the other by {evenly:.0%} or more in every direction (limit {EVEN_STRETCH:.0%}): "
                "a spacing is wrong, or a child has grown"
            )
        return tuple(told)

    @property
    def fits(self) -> bool:
        """Whether positions can be compared. This does not prove that both scans are of one patient."""
        return not self.mismatches

    @property
    def position_uncertainty_mm(self) -> float:
        """Uncertainty of an aligned position, in mm."""
        return max(1.0, self.agreement.place_mm) if self.agreement else 0.0

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values; unknown values are null."""
        unknown = dict.fromkeys(("residual_limit_mm", "place_mm", "shape_mm", "surface_seen")) | {"organs_checked": []}
        return {
            "organs": list(self.organs),
            "basis": self.basis.value,
            "fits": self.fits,
            "mismatches": list(self.mismatches),
            "residual_mm": self.residual_mm,
            **(self.agreement.to_json() if self.agreement else unknown),
            "organs_apart_mm": self.organs_apart_mm,
            "rotation_degrees": self.motion.degrees,
            "rotation": self.motion.rotation.tolist(),
            "kind": "affine" if self.is_affine else "rigid",
            "scale_factors": list(self.motion.scale_factors),
            "linear": self.motion.linear.tolist(),
            "shift_mm": self.motion.shift_mm.tolist(),
            "organ_shifts_mm": {key: np.asarray(shift).tolist() for key, shift in self.shifts_mm.items()},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Alignment:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        found = None
        if raw["place_mm"] is not None:
            distances = raw["place_mm"], raw["shape_mm"], raw["residual_limit_mm"]
            found = OrganAgreement(tuple(raw["organs_checked"]), *distances, raw["surface_seen"])
        motion = AffineTransform(np.array(raw["linear"]), np.array(raw["shift_mm"]))
        shifts_mm = {key: np.array(shift) for key, shift in raw["organ_shifts_mm"].items()}
        return cls(motion, raw["kind"] == "affine", AlignmentBasis(raw["basis"]), found, shifts_mm)

    def motion_of(self, organ: str | None) -> AffineTransform:
        """Motion of structures in this organ; that of the body for None."""
        return self.motion.shifted(self.shifts_mm.get(organ or "", np.zeros(3)))


def align_bodies(before: Segmentation, after: Segmentation, *, same_frame: bool | None = None) -> Alignment:
    """Align the later scan of a patient with the earlier one.

    Args:
        before: Segmentation of the earlier scan.
        after: Segmentation of the later scan, on any grid.
        same_frame: Whether both have the same DICOM frame of reference; None if unknown.

    Raises:
        InputError: the scans have no organ in common.
    """
    organs = _shared_organs(before, after)
    if not organs and not same_frame:
        raise InputError(
            "the two scans have no organ in common to be aligned by",
            remedy="segment both with the organs around the lesions, not the lesions alone",
        )
    should_be_still = same_frame or (same_frame is None and on_same_lattice(before.grid, after.grid))
    basis = AlignmentBasis.FRAME_OF_REFERENCE if same_frame else AlignmentBasis.GRIDS
    still = agreement(organs, STILL_SCAN) if organs else None
    if same_frame and still is None:
        return Alignment(STILL_SCAN, False, basis, None, {})
    if should_be_still and still and still.fits and still.residual_mm <= STILL_MM:
        return _aligned(organs, STILL_SCAN, False, basis, still)
    moved = _fitted(organs, may_be_still=overlap(before.grid, after.grid) > 0)
    if not should_be_still:
        return moved
    if still is None:
        return moved if _is_sure(moved) else Alignment(STILL_SCAN, False, basis, None, {})
    is_nearer = moved.residual_mm is not None and moved.residual_mm <= still.residual_mm - STILL_MM
    if moved.fits and (is_nearer or not still.fits):
        return moved
    return _aligned(organs, STILL_SCAN, False, basis, still) if still.fits else moved


def _shared_organs(before: Segmentation, after: Segmentation) -> list[SharedOrgan]:
    boxes, later_boxes = before.boxes(), after.boxes()
    shared = [key for key in before.classes if key in boxes and key in later_boxes]
    organs = [key for key in shared if not STRUCTURES[key].is_lesion]
    steady = [key for key in organs if key not in UNSTEADY] or organs
    return [SharedOrgan(key, (before, boxes), (after, later_boxes)) for key in steady]


def _fitted(organs: Sequence[SharedOrgan], *, may_be_still: bool) -> Alignment:
    """Best motion, starting from the centroids of organs or from the scans as they are."""
    starts = [_by_centres(organs), *([STILL_SCAN] if may_be_still else [])]
    rigid = register_organs(organs, min(starts, key=lambda start: _off_mm(organs, start)), fit_rigid)
    affine = affine_if_better(organs, rigid)
    motion = affine or rigid
    return _aligned(
        organs, motion, affine is not None, AlignmentBasis.ORGANS, agreement(organs, motion, is_affine=bool(affine))
    )


def _aligned(
    organs: Sequence[SharedOrgan],
    motion: AffineTransform,
    is_affine: bool,
    basis: AlignmentBasis,
    found: OrganAgreement | None,
) -> Alignment:
    shifts_mm = {organ.key: organ.follow(motion).shift_mm - motion.shift_mm for organ in organs}
    return Alignment(motion, is_affine, basis, found, shifts_mm)


def _is_sure(moved: Alignment) -> bool:
    """Whether organs clearly contradict grids that do not overlap."""
    found = moved.agreement
    return moved.fits and found is not None and len(found.organs) >= MANY and found.seen >= PART_SEEN


def _off_mm(organs: Sequence[SharedOrgan], motion: AffineTransform) -> float:
    pairs = closest_points(organs, motion, every=4)
    return np.inf if pairs is None else float(np.linalg.norm(motion(pairs[0]) - pairs[1], axis=1).mean())


def _by_centres(organs: Sequence[SharedOrgan]) -> AffineTransform:
    """Initial motion from centroids. Truncated organs are used only if none is complete in both scans."""
    whole = [organ for organ in organs if organ.is_whole]
    here = np.array([organ.after_mm for organ in whole or organs])
    there = np.array([organ.before_mm for organ in whole or organs])
    if not whole:
        return AffineTransform(np.eye(3), np.median(there - here, axis=0))
    motion = fit_rigid(here, there)
    for _ in range(10):
        off_mm = np.linalg.norm(motion(here) - there, axis=1)
        motion = fit_rigid(here, there, 1 / (1 + (off_mm / OUTLIER_MM) ** 2))
    return motion
