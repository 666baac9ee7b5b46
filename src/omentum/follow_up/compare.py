"""What became of a patient's lesions between two scans: grown, shrunk, new, gone, split, merged, or not to be told.

Sizes are measured on each scan in its own millimetres; the alignment only decides which lesion is which. Gone (or new)
is only what the other scan would have shown; a lesion that reliable weights overlooked in it is "gone" all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError
from omentum.follow_up.alignment import Alignment, align_bodies
from omentum.follow_up.matching import LocatedLesion, locate_lesions, match_lesions
from omentum.follow_up.recist import RecistResponse, recist_response
from omentum.follow_up.scan_facts import ScanFacts, same_frame
from omentum.follow_up.visibility import FollowUpScan, Lack, lack
from omentum.measure.diameters import Points
from omentum.measure.lesion_tables import target_lesions
from omentum.measure.lesions import Lesion
from omentum.segmentation import Segmentation

LesionStatus = Literal[
    "same",  # one lesion then, one now
    "split",  # one then, several now
    "merged",  # several then, one now
    "regrouped",  # several then, several now, that cannot be told apart
    "new",  # in a place where the earlier scan would have shown it
    "gone",  # from a place where the later scan would show it
    "not imaged before",  # in a place that the earlier scan does not show
    "not imaged now",  # the same of the later scan
    "not looked for before",  # of a kind that nobody asked for in the earlier scan
    "not looked for now",
    "not seen before",  # it may have been there: too small for the slices, a candidate, its organ not found there ...
    "not seen now",
]
WHEN: dict[tuple[Lack, bool], LesionStatus] = {
    ("not imaged", True): "not imaged before",
    ("not imaged", False): "not imaged now",
    ("not looked for", True): "not looked for before",
    ("not looked for", False): "not looked for now",
    ("not seen", True): "not seen before",
    ("not seen", False): "not seen now",
}
"""What is lacking, and whether the lesion is of the later scan."""
UNKNOWN = frozenset(WHEN.values())


@dataclass(frozen=True)
class TrackedLesion:
    """One lesion, or several that belong together, in both scans.

    Args:
        status: What became of it.
        before, after: The lesions, each measured on its own scan.
        targets: Numbers of those that are RECIST targets of the earlier scan.
        moved_mm: Distance of the centres after alignment (weighted by volume); None without a counterpart.
        why: Why nothing can be said, where nothing can.
        doubt: Why it is only a candidate, in a scan that has it; "" for a lesion.
    """

    status: LesionStatus
    before: tuple[Lesion, ...]
    after: tuple[Lesion, ...]
    targets: tuple[int, ...]
    moved_mm: float | None
    why: str = ""
    doubt: str = ""

    @property
    def any(self) -> Lesion:
        """A lesion of it, an earlier one if there is one."""
        return (*self.before, *self.after)[0]

    @property
    def volumes_ml(self) -> tuple[float, float]:
        """Then and now."""
        return sum(one.volume_ml for one in self.before), sum(one.volume_ml for one in self.after)

    @property
    def longest_mm(self) -> tuple[float, float]:
        """Sum of the longest axial diameters then and now (of one lesion: its diameter), as RECIST counts parts."""
        return _longest_mm(self.before), _longest_mm(self.after)

    @property
    def is_cut(self) -> bool:
        """Whether an edge of an image cuts it: sizes are lower limits, growth is not known."""
        return any(one.touches_border for one in (*self.before, *self.after))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the numbers do not say."""
        told = [self.why] if self.why else []
        told += [f"a candidate, no finding: {self.doubt}"] if self.doubt else []
        told += ["cut by the edge of an image, sizes are lower limits"] if self.is_cut else []
        kinds = [{STRUCTURES[one.key].kind for one in lesions} for lesions in (self.before, self.after)]
        if all(kinds) and kinds[0] != kinds[1]:
            told.append(f"called {' and '.join(sorted(kinds[0]))} then, {' and '.join(sorted(kinds[1]))} now")
        return tuple(told)


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Two scans of one patient.

    Args:
        changes: All lesions of both.
        response: Of the RECIST targets.
        alignment: How the later scan lies in the earlier one.
        frames: Whether both have one frame of reference; None where it is not known.
    """

    changes: tuple[TrackedLesion, ...]
    response: RecistResponse
    alignment: Alignment
    frames: bool | None = None

    @property
    def is_forced(self) -> bool:
        """Whether it was made although the bodies do not match."""
        return not self.alignment.fits


def follow_up(
    before: Segmentation,
    after: Segmentation,
    facts: tuple[ScanFacts, ScanFacts] = (ScanFacts(), ScanFacts()),
    *,
    force: bool = False,
) -> FollowUp:
    """Compare the lesions of two scans of a patient, on any two grids.

    Args:
        before, after: The scans.
        facts: What else is known of either.
        force: Go on although the bodies do not match; the result says so (`is_forced`).

    Raises:
        InputError: they have no organ in common to be aligned by, or (without `force`) organs do not support that it
            is one body.
    """
    frames = same_frame(*facts)
    alignment = align_bodies(before, after, same_frame=frames)
    if alignment.doubts and not force:
        raise InputError(
            f"the two bodies do not match: {'; '.join(alignment.doubts)}",
            remedy="are these two scans of one patient? --force compares them all the same",
        )
    scans = FollowUpScan(before, facts[0]), FollowUpScan(after, facts[1])
    then, now = locate_lesions(before), locate_lesions(after)
    sure = [located.lesion for located in then if not scans[0].doubt(located)]
    targets = {one.number for one in target_lesions(sure, scans[0].slice_mm)}
    changes = []
    for group in match_lesions(then, now, alignment):
        earlier, later = [then[n] for n in group.before], [now[m] for m in group.after]
        status, why = _status(earlier, later, scans, alignment)
        of = tuple(located.lesion for located in earlier), tuple(located.lesion for located in later)
        chosen = tuple(one.number for one in of[0] if one.number in targets)
        changes.append(
            TrackedLesion(status, *of, chosen, _moved_mm(*of, alignment), why, _doubt(earlier, later, scans))
        )
    return FollowUp(tuple(changes), _response(changes), alignment, frames)


def _status(
    before: Sequence[LocatedLesion],
    after: Sequence[LocatedLesion],
    scans: tuple[FollowUpScan, FollowUpScan],
    alignment: Alignment,
) -> tuple[LesionStatus, str]:
    """What became of a group, and why it cannot be told."""
    if before and after:
        several = len(before) > 1, len(after) > 1
        statuses: dict[tuple[bool, bool], LesionStatus] = {
            (False, True): "split",
            (True, False): "merged",
            (True, True): "regrouped",
        }
        return statuses.get(several, "same"), ""
    located, later = ((after or before)[0]), bool(after)
    own, other = (scans[1], scans[0]) if later else scans
    lacking = lack(located, other, alignment, later=later)
    if lacking is None and own.doubt(located):
        lacking = "not seen", ""
    if lacking is None:
        return ("new" if later else "gone"), ""
    return WHEN[lacking[0], later], lacking[1]


def _doubt(
    before: Sequence[LocatedLesion], after: Sequence[LocatedLesion], scans: tuple[FollowUpScan, FollowUpScan]
) -> str:
    """Why all of a group are candidates."""
    each = [scan.doubt(located) for lesions, scan in zip((before, after), scans, strict=True) for located in lesions]
    return each[0] if all(each) else ""


def _moved_mm(before: Sequence[Lesion], after: Sequence[Lesion], alignment: Alignment) -> float | None:
    if not (before and after):
        return None
    moved = alignment.motion_of(after[0].host)(_centre_mm(after))
    return float(np.linalg.norm(moved - _centre_mm(before)))


def _centre_mm(lesions: Sequence[Lesion]) -> Points:
    weights = np.array([one.volume_ml for one in lesions])
    return np.asarray(weights @ np.array([one.centroid_mm for one in lesions]) / weights.sum())


def _response(changes: Sequence[TrackedLesion]) -> RecistResponse:
    tumours = [change for change in changes if STRUCTURES[change.any.key].kind == "tumour"]
    targets = [change for change in tumours if change.targets]
    # Parts of a target count together, and what grew into it counts with it.
    diameters = [(_longest_mm(one for one in c.before if one.number in c.targets), c.longest_mm[1]) for c in targets]
    return recist_response(
        diameters,
        targets=sum(len(change.targets) for change in targets),
        new=sum(change.status == "new" for change in tumours),
        lasting=sum(bool(change.after) and change.status != "new" for change in tumours if not change.targets),
        unknown=sum(change.is_cut or change.status in UNKNOWN for change in targets),
        unseen=sum(not change.after and change.status != "gone" for change in tumours if not change.targets),
    )


def _longest_mm(lesions: Iterable[Lesion]) -> float:
    return sum(one.axial.longest.mm for one in lesions)
