"""Select the CT series among the images in a folder.

The rule, where no series is asked for: the only series; else the only one with images at several positions; else the
only one of these whose images are all original (not reformatted from others). If several are left, all are listed and
refused. A file that belongs to the series but cannot be used as a slice is an error, because omitting it might leave a
gap or truncate the volume.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omentum.errors import InputError, warn_of_case
from omentum.io.dicom.files import NO_DICOM, find_slices
from omentum.io.dicom.images import QUIET
from omentum.io.dicom.naming.file_names import name_pattern
from omentum.io.dicom.slices import Other, Slice
from omentum.io.dicom.subseries import Subseries, subseries_of

CHOOSE = "choose one by its number or the code in brackets: --series CODE"
OF_ANOTHER = "image of another series"
MOST_LISTED = 12

_RULES: tuple[tuple[Callable[[Subseries], bool], str], ...] = (
    (lambda one: one.is_volume, "the only one with images at several positions"),
    (lambda one: one.is_volume and one.is_original, "the only one of original images, not reformatted ones"),
)


@dataclass(frozen=True)
class ChosenSeries:
    """One CT series.

    Args:
        slices: Its images, unordered.
        left_out: What else there is -> how many files.
    """

    slices: tuple[Slice, ...]
    left_out: Mapping[str, int]


def the_series(place: Path, series: str | None = None) -> ChosenSeries:
    """Find the CT series in a file, or in a folder and its subfolders.

    Args:
        place: The file or folder.
        series: Number of the series, or the code by which a refusal lists it; by default see the rule above.

    Raises:
        InputError: There is no series, there are several, or a slice is damaged.
        MissingDependencyError: pydicom is not installed.
    """
    slices, others = find_slices(place)
    if not slices:
        if worth := [other for other in others if other.what not in QUIET or other.path == place]:
            raise worth[0].fault
        only = f"; only {_counted([(other.what, other.path) for other in others], place)}" if others else ""
        raise InputError(
            f"no DICOM images found{only}", source=place, remedy="name the folder that holds one CT series"
        )
    candidates = subseries_of(slices)
    chosen, rule = _chosen(candidates, series, place)
    _refuse_several_patients([chosen], place)
    passed = [(other.what, other.path) for other in _passed_over(chosen.slices, others)]
    beside = [(OF_ANOTHER, one.path) for other in candidates if other is not chosen for one in other.slices]
    if left := passed + (beside if series is None else []):
        used = f"{chosen.name} is used, {rule}; " if rule else ""
        warn_of_case(f"{used}not part of the CT series and left out: {_counted(left, place)}", place, stacklevel=3)
    quiet = [(other.what, other.path) for other in others if other.what in QUIET and other.what not in dict(passed)]
    return ChosenSeries(chosen.slices, Counter(what for what, _ in (*quiet, *passed, *beside)))


def _chosen(candidates: Sequence[Subseries], series: str | None, place: Path) -> tuple[Subseries, str]:
    """The series, and the rule by which it was preferred to others."""
    if series is not None:
        named = [one for one in candidates if one.is_called(series)]
        if len(named) == 1:
            return named[0], ""
        if named:
            raise _refused(f"series {series} is ambiguous, {len(named)} are called so", named, place)
        raise _refused(f"has no series {series}", candidates, place)
    if len(candidates) == 1:
        return candidates[0], ""
    _refuse_several_patients(candidates, place)
    for is_wanted, rule in _RULES:
        wanted = [one for one in candidates if is_wanted(one)]
        if len(wanted) == 1:
            return wanted[0], rule
    volumes = [one for one in candidates if one.is_volume] or candidates
    if all(one.phase is not None and one.uid == volumes[0].uid for one in volumes):
        raise _refused("holds different images at one position", volumes, place)
    raise _refused(f"holds {len(volumes)} series", volumes, place)


def _refused(reason: str, listed: Sequence[Subseries], place: Path) -> InputError:
    words = ", ".join(one.words for one in listed[:MOST_LISTED])
    more = f", and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return InputError(
        f"{reason}: {words}{more}",
        source=place,
        remedy=CHOOSE,
    )


def _refuse_several_patients(candidates: Sequence[Subseries], place: Path) -> None:
    if len(patients := {one.identity.patient for candidate in candidates for one in candidate.slices}) > 1:
        remedy = "one folder for each patient"
        # Patients within one series, which copying or a faulty export may cause, cannot be told apart by a code.
        remedy += ", or choose a series: --series CODE" if len(candidates) > 1 else "; they share one series UID"
        listed = ", ".join(one.words for one in candidates[:MOST_LISTED])
        raise InputError(f"holds images of {len(patients)} patients: {listed}", source=place, remedy=remedy)


def _passed_over(members: Sequence[Slice], others: Sequence[Other]) -> list[Other]:
    """Skipped files that are worth a warning.

    Raises:
        InputError: One of them should have been a slice.
    """
    series, patterns = members[0].identity.series, {name_pattern(one.path.name) for one in members}
    worth = []
    for other in others:
        mine = name_pattern(other.path.name) in patterns if other.series is None else other.series == series
        if mine and other.what not in QUIET and (other.is_placed or other.series is None):
            raise other.fault
        if other.what == NO_DICOM:
            continue
        if (mine and other.series) or other.what not in QUIET:
            worth.append(other)
    return worth


def _counted(left: Sequence[tuple[str, Path]], place: Path) -> str:
    counts, example = Counter(what for what, _ in left), dict(reversed(left))
    return ", ".join(f"{n} x {what} (e.g. {_relative(example[what], place)})" for what, n in counts.items())


def _relative(path: Path, place: Path) -> str:
    return str(path.relative_to(place)) if path != place else path.name
