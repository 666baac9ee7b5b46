"""Whether a scan could have shown a lesion of the other scan, by position, kind, size and host organ.

Only lesions that pass all checks can be gone (or new). The status of all others is unknown, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.follow_up.alignment import Alignment, AlignmentBasis
from omentum.follow_up.matching import LocatedLesion
from omentum.follow_up.scan_facts import ScanFacts
from omentum.follow_up.shared_organ import is_within
from omentum.follow_up.transform import AffineTransform
from omentum.measure.diameters import Points, axial_axis
from omentum.segmentation import Segmentation


class Lack(StrEnum):
    """Why the presence of a lesion in a scan cannot be determined."""

    NOT_IMAGED = "not imaged"
    NOT_LOOKED_FOR = "not looked for"
    NOT_SEEN = "not seen"


SLICES = 2.0
"""Lesions below this many slice spacings are too small to measure (RECIST 1.1) and may hide between two slices."""
LEAST_IN_HOST = 0.25
"""Share of a lesion that must lie in its organ in the other scan; exophytic lesions are mostly outside once gone."""


@dataclass(frozen=True, eq=False)
class FollowUpScan:
    """One of the two scans of a follow-up.

    Args:
        seg: Segmentation.
        facts: Further facts about the scan.
    """

    seg: Segmentation
    facts: ScanFacts

    @cached_property
    def slice_mm(self) -> float:
        """Spacing of its axial slices, in mm."""
        return self.seg.grid.spacing_mm[axial_axis(self.seg.grid)]

    def candidate_reason(self, located: LocatedLesion) -> str:
        """Reason why one of its lesions is only a candidate; "" if it is not."""
        lesion = located.lesion
        near = np.linalg.norm(self.facts.candidates_mm - lesion.centroid_mm, axis=1) <= max(located.grid.spacing_mm)
        return self.facts.candidate_reasons.get(lesion.key, "") or (
            "below its own operating point" if near.any() else ""
        )

    def looks_for(self, key: str) -> bool:
        """Whether lesions of this kind were requested in this scan."""
        return any(_sort(other) == _sort(key) for other in self.seg.annotated or ())

    def unreliable_reason(self, key: str) -> str:
        """Reason why the scan may contain undetected lesions of this kind; "" if the weights are reliable for it."""
        asked = [other for other in self.seg.annotated or () if _sort(other) == _sort(key)]
        reasons = [self.facts.candidate_reasons.get(other, "") for other in asked]
        return reasons[0] if reasons and all(reasons) else ""


def lack(located: LocatedLesion, other: FollowUpScan, alignment: Alignment, *, later: bool) -> tuple[Lack, str] | None:
    """Reason why the other scan cannot show whether a lesion is present; None if it can.

    Args:
        located: Lesion of either scan.
        other: The other scan.
        alignment: Alignment of both scans.
        later: Whether the lesion belongs to the later scan.
    """
    lesion, forth = located.lesion, alignment.motion_of(located.lesion.host)
    points = (forth if later else forth.inverse)(located.points_mm)
    reach_mm = alignment.position_uncertainty_mm
    if not _all_shown(points, other.seg, reach_mm):
        return Lack.NOT_IMAGED, "its place is not wholly in the field of view"
    if alignment.agreement is None and alignment.basis is AlignmentBasis.GRIDS:
        return Lack.NOT_IMAGED, "the two fields of view have too little in common to be aligned"
    if not other.looks_for(lesion.key):
        return Lack.NOT_LOOKED_FOR, f"nobody asked for {STRUCTURES[lesion.key].display.lower()}"
    if reason := other.unreliable_reason(lesion.key):
        return Lack.NOT_SEEN, reason
    if lesion.axial.longest.mm < SLICES * other.slice_mm:
        return Lack.NOT_SEEN, f"{lesion.axial.longest.mm:.0f} mm is less than two slices of {other.slice_mm:.1f} mm"
    if lesion.host is None:
        return Lack.NOT_SEEN, "it lies in no organ that would show where to look"
    if lesion.host in (other.seg.annotated or ()) and not _in_host(points, lesion.host, other.seg, reach_mm):
        return Lack.NOT_SEEN, f"no {STRUCTURES[lesion.host].display.lower()} was found at its place"
    return None


def _sort(key: str) -> tuple[str, tuple[str, ...]]:
    return STRUCTURES[key].kind, STRUCTURES[key].hosts


def _all_shown(points_mm: Points, seg: Segmentation, reach_mm: float) -> bool:
    return all(bool(is_within(points_mm + step, seg.grid).all()) for step in _steps(reach_mm))


def _in_host(points_mm: Points, host: str, seg: Segmentation, reach_mm: float) -> bool:
    mask, back = seg.mask(host), AffineTransform(seg.affine[:3, :3], seg.affine[:3, 3]).inverse
    inside = np.zeros(len(points_mm), bool)
    for step in _steps(reach_mm):
        at = np.rint(back(points_mm + step)).astype(np.int64)
        shown = ((at >= 0) & (at < mask.shape)).all(axis=1)
        inside[shown] |= mask[tuple(at[shown].T)]
    return float(inside.mean()) >= LEAST_IN_HOST


def _steps(reach_mm: float) -> Points:
    return np.vstack([np.zeros(3), reach_mm * np.eye(3), -reach_mm * np.eye(3)])
