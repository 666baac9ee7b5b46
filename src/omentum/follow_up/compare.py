"""Lesion follow-up between two scans of a patient: grown, shrunk, new, gone, split, merged, or unknown.

Sizes are measured on each scan separately, in mm; the alignment is only used for matching. A lesion is gone (or new)
only if the other scan would have shown it. A lesion that reliable weights missed in the later scan is also reported as
gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError
from omentum.follow_up.alignment import Alignment, align_bodies
from omentum.follow_up.matching import LocatedLesion, locate_lesions, match_lesions
from omentum.follow_up.recist import RecistResponse, recist_response
from omentum.follow_up.result import FollowUp
from omentum.follow_up.scan_facts import ScanFacts, same_frame
from omentum.follow_up.tracked import LesionStatus, TrackedLesion, total_longest_mm
from omentum.follow_up.visibility import FollowUpScan, Lack, lack
from omentum.measure.diameters import Points
from omentum.measure.lesion_tables import target_lesions
from omentum.measure.lesions import Lesion
from omentum.segmentation import Segmentation

STATUS_OF_LACK: dict[tuple[Lack, bool], LesionStatus] = {
    (Lack.NOT_IMAGED, True): LesionStatus.NOT_IMAGED_BEFORE,
    (Lack.NOT_IMAGED, False): LesionStatus.NOT_IMAGED_NOW,
    (Lack.NOT_LOOKED_FOR, True): LesionStatus.NOT_LOOKED_FOR_BEFORE,
    (Lack.NOT_LOOKED_FOR, False): LesionStatus.NOT_LOOKED_FOR_NOW,
    (Lack.NOT_SEEN, True): LesionStatus.NOT_SEEN_BEFORE,
    (Lack.NOT_SEEN, False): LesionStatus.NOT_SEEN_NOW,
}
"""What the other scan lacks, and whether the lesion is in the later scan -> status."""
UNKNOWN = frozenset(STATUS_OF_LACK.values())


def follow_up(
    before: Segmentation,
    after: Segmentation,
    facts: tuple[ScanFacts, ScanFacts] = (ScanFacts(), ScanFacts()),
    *,
    force: bool = False,
) -> FollowUp:
    """Compare the lesions of two scans of a patient. The grids may differ.

    Args:
        before: Segmentation of the earlier scan.
        after: Segmentation of the later scan, on any grid.
        facts: Further facts about both scans.
        force: Continue even if the bodies do not match; the result is marked (`is_forced`).

    Raises:
        InputError: the scans have no organ in common for alignment, or (without `force`) the organs do not match.
    """
    frames = same_frame(*facts)
    alignment = align_bodies(before, after, same_frame=frames)
    if alignment.mismatches and not force:
        raise InputError(
            f"the two bodies do not match: {'; '.join(alignment.mismatches)}",
            remedy="are these two scans of one patient? --force compares them all the same",
        )
    scans = FollowUpScan(before, facts[0]), FollowUpScan(after, facts[1])
    then, now = locate_lesions(before), locate_lesions(after)
    sure = [located.lesion for located in then if not scans[0].candidate_reason(located)]
    targets = {one.number for one in target_lesions(sure, scans[0].slice_mm)}
    tracked = []
    for group in match_lesions(then, now, alignment):
        earlier, later = [then[n] for n in group.before], [now[m] for m in group.after]
        status, reason = _status(earlier, later, scans, alignment)
        of = tuple(located.lesion for located in earlier), tuple(located.lesion for located in later)
        chosen = tuple(one.number for one in of[0] if one.number in targets)
        tracked.append(
            TrackedLesion(
                status, *of, chosen, _moved_mm(*of, alignment), reason, _candidate_reason(earlier, later, scans)
            )
        )
    return FollowUp(tuple(tracked), _response(tracked), alignment, frames)


def _status(
    before: Sequence[LocatedLesion],
    after: Sequence[LocatedLesion],
    scans: tuple[FollowUpScan, FollowUpScan],
    alignment: Alignment,
) -> tuple[LesionStatus, str]:
    """Status of a group, and the reason if it is unknown."""
    if before and after:
        several = len(before) > 1, len(after) > 1
        statuses = {
            (False, True): LesionStatus.SPLIT,
            (True, False): LesionStatus.MERGED,
            (True, True): LesionStatus.REGROUPED,
        }
        return statuses.get(several, LesionStatus.SAME), ""
    located, later = ((after or before)[0]), bool(after)
    own, other = (scans[1], scans[0]) if later else scans
    lacking = lack(located, other, alignment, later=later)
    if lacking is None and own.candidate_reason(located):
        lacking = Lack.NOT_SEEN, ""
    if lacking is None:
        return (LesionStatus.NEW if later else LesionStatus.GONE), ""
    return STATUS_OF_LACK[lacking[0], later], lacking[1]


def _candidate_reason(
    before: Sequence[LocatedLesion], after: Sequence[LocatedLesion], scans: tuple[FollowUpScan, FollowUpScan]
) -> str:
    """Reason why all lesions of a group are candidates; "" if one is not."""
    each = [
        scan.candidate_reason(located)
        for lesions, scan in zip((before, after), scans, strict=True)
        for located in lesions
    ]
    return each[0] if all(each) else ""


def _moved_mm(before: Sequence[Lesion], after: Sequence[Lesion], alignment: Alignment) -> float | None:
    if not (before and after):
        return None
    moved = alignment.motion_of(after[0].host)(_centre_mm(after))
    return float(np.linalg.norm(moved - _centre_mm(before)))


def _centre_mm(lesions: Sequence[Lesion]) -> Points:
    weights = np.array([one.volume_ml for one in lesions])
    return np.asarray(weights @ np.array([one.centroid_mm for one in lesions]) / weights.sum())


def _response(lesions: Sequence[TrackedLesion]) -> RecistResponse:
    tumours = [one for one in lesions if STRUCTURES[one.any.key].kind == "tumour"]
    targets = [one for one in tumours if one.targets]
    others = [one for one in tumours if not one.targets]
    # Parts of a target are added up, including lesions that merged with it.
    diameters = [
        (total_longest_mm(lesion for lesion in one.before if lesion.number in one.targets), one.longest_mm[1])
        for one in targets
    ]
    return recist_response(
        diameters,
        targets=sum(len(one.targets) for one in targets),
        new=sum(one.status is LesionStatus.NEW for one in tumours),
        lasting=sum(bool(one.after) and one.status is not LesionStatus.NEW for one in others),
        unknown=sum(one.touches_border or one.status in UNKNOWN for one in targets),
        unseen=sum(not one.after and one.status is not LesionStatus.GONE for one in others),
    )
