"""What became of a patient's lesions between two scans: grown, shrunk, new, gone, split, merged, or not to be told.

Sizes are measured on each scan in its own millimetres; the alignment only decides which lesion is which. Everything is
said of the segmentations: a lesion that a model overlooked is "gone" here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.report.body_alignment import Alignment, align_bodies
from omentum.report.diameters import Points, axial_axis
from omentum.report.lesion_pairs import Spot, find_spots, is_in_field, paired
from omentum.report.lesion_summary import target_lesions
from omentum.report.lesions import Lesion
from omentum.report.response import Response, respond
from omentum.segmentation import Segmentation

Fate = Literal[
    "same",  # one lesion then, one now
    "split",  # one then, several now
    "merged",  # several then, one now
    "regrouped",  # several then, several now, that cannot be told apart
    "new",  # in a place that the earlier scan shows without a lesion
    "gone",  # from a place that the later scan shows
    "not imaged before",  # in a place that the earlier scan does not show, or does not look for
    "not imaged now",  # the same of the later scan
]
UNTOLD: frozenset[Fate] = frozenset({"not imaged before", "not imaged now"})


@dataclass(frozen=True)
class Change:
    """One lesion, or several that belong together, in both scans.

    Args:
        fate: What became of it.
        before, after: The lesions, each measured on its own scan.
        targets: Numbers of those that are RECIST targets of the earlier scan.
        moved_mm: Distance of the centres after alignment (weighted by volume); None without a counterpart.
    """

    fate: Fate
    before: tuple[Lesion, ...]
    after: tuple[Lesion, ...]
    targets: tuple[int, ...]
    moved_mm: float | None

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
        told = ["cut by the edge of an image, sizes are lower limits"] if self.is_cut else []
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
    """

    changes: tuple[Change, ...]
    response: Response
    alignment: Alignment


def follow_up(before: Segmentation, after: Segmentation) -> FollowUp:
    """Compare the lesions of two scans of a patient, on any two grids.

    Raises:
        InputError: they have no organ in common to be aligned by.
    """
    alignment = align_bodies(before, after)
    then, now = find_spots(before), find_spots(after)
    slice_mm = before.grid.spacing_mm[axial_axis(before.grid)]
    targets = {one.number for one in target_lesions([spot.lesion for spot in then], slice_mm)}
    changes = []
    for group in paired(then, now, alignment):
        earlier, later = [then[n] for n in group.before], [now[m] for m in group.after]
        fate = _fate(earlier, later, (before, after), alignment)
        of = tuple(spot.lesion for spot in earlier), tuple(spot.lesion for spot in later)
        chosen = tuple(one.number for one in of[0] if one.number in targets)
        changes.append(Change(fate, *of, chosen, _moved_mm(*of, alignment)))
    return FollowUp(tuple(changes), _response(changes), alignment)


def _fate(
    before: Sequence[Spot], after: Sequence[Spot], scans: tuple[Segmentation, Segmentation], alignment: Alignment
) -> Fate:
    if before and after:
        several = len(before) > 1, len(after) > 1
        fates: dict[tuple[bool, bool], Fate] = {
            (False, True): "split",
            (True, False): "merged",
            (True, True): "regrouped",
        }
        return fates.get(several, "same")
    spot, other, later = (after[0], scans[0], True) if after else (before[0], scans[1], False)
    shown = is_in_field(spot, other.grid, alignment, later=later) and _is_looked_for(spot.lesion.key, other)
    if after:
        return "new" if shown else "not imaged before"
    return "gone" if shown else "not imaged now"


def _is_looked_for(key: str, seg: Segmentation) -> bool:
    sort = STRUCTURES[key].kind, STRUCTURES[key].hosts
    return any((STRUCTURES[other].kind, STRUCTURES[other].hosts) == sort for other in seg.annotated or ())


def _moved_mm(before: Sequence[Lesion], after: Sequence[Lesion], alignment: Alignment) -> float | None:
    if not (before and after):
        return None
    moved = alignment.motion_of(after[0].host)(_centre_mm(after))
    return float(np.linalg.norm(moved - _centre_mm(before)))


def _centre_mm(lesions: Sequence[Lesion]) -> Points:
    weights = np.array([one.volume_ml for one in lesions])
    return np.asarray(weights @ np.array([one.centroid_mm for one in lesions]) / weights.sum())


def _response(changes: Sequence[Change]) -> Response:
    tumours = [change for change in changes if STRUCTURES[change.any.key].kind == "tumour"]
    targets = [change for change in tumours if change.targets]
    # Parts of a target count together, and what grew into it counts with it.
    diameters = [(_longest_mm(one for one in c.before if one.number in c.targets), c.longest_mm[1]) for c in targets]
    return respond(
        diameters,
        targets=sum(len(change.targets) for change in targets),
        new=sum(change.fate == "new" for change in tumours),
        lasting=sum(bool(change.after and change.before) for change in tumours if not change.targets),
        unknown=sum(change.is_cut or change.fate in UNTOLD for change in targets),
    )


def _longest_mm(lesions: Iterable[Lesion]) -> float:
    return sum(one.axial.longest.mm for one in lesions)
