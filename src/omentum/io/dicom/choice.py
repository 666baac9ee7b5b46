"""Select the CT series among the images in a folder, and detect missing slices.

If exactly one series is a volume, it is used and other content is skipped with a warning. Several volumes are listed
and refused. A file that belongs to the series but cannot be used as a slice is an error, because omitting it might
leave a gap or truncate the volume.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.dicom.files import NO_DICOM, Other, Slice, find_slices

QUIET = frozenset({"localizer"})
"""So usual beside a series that it needs no word, unless it claims to be of the series."""
OF_ANOTHER = "image of another series"


def the_series(folder: Path) -> list[Slice]:
    """All slices of the only CT series in a folder and its subfolders, unordered.

    Raises:
        InputError: There is no series, there are several, or a slice is damaged.
        GeometryError: Slices differ in size.
        MissingDependencyError: pydicom is not installed.
    """
    slices, others = find_slices(folder)
    if not slices:
        if others:
            raise others[0].fault
        raise InputError("no DICOM images found", source=folder, remedy="name the folder that holds one CT series")
    by_series: dict[str, list[Slice]] = {}
    for one in slices:
        by_series.setdefault(one.series, []).append(one)
    members, beside = _chosen(list(by_series.values()), folder)
    _check_sizes(members)
    passed = _passed_over(members, others)
    if left := [(other.what, other.path) for other in passed] + [(OF_ANOTHER, one.path) for one in beside]:
        counts, example = Counter(what for what, _ in left), dict(reversed(left))
        said = ", ".join(f"{n} x {what} (e.g. {example[what].relative_to(folder)})" for what, n in counts.items())
        warn_of_case(f"not part of the CT series and left out: {said}", folder, stacklevel=3)
    return members


def _chosen(several: list[list[Slice]], folder: Path) -> tuple[list[Slice], list[Slice]]:
    """The series that is a volume, if there is exactly one, and the slices of the other series."""
    volumes = several if len(several) == 1 else [members for members in several if _is_volume(members)] or several
    if len(volumes) > 1:
        listed = ", ".join(_described(members, folder) for members in volumes)
        raise InputError(f"holds {len(volumes)} series: {listed}", source=folder, remedy="one folder for each series")
    return volumes[0], [one for members in several if members is not volumes[0] for one in members]


def _is_volume(members: Sequence[Slice]) -> bool:
    """Whether slices lie at several positions: dose reports, single images and time series at one position do not."""
    return len({one.position_mm for one in members if one.position_mm is not None}) > 1


def _described(members: Sequence[Slice], folder: Path) -> str:
    number = "?" if members[0].series_number is None else members[0].series_number
    return f"series {number} ({len(members)} images, e.g. {members[0].path.relative_to(folder)})"


def _check_sizes(members: Sequence[Slice]) -> None:
    for one in members:
        if one.shape != members[0].shape:
            raise GeometryError(
                f"is {one.shape[0]} x {one.shape[1]} pixels, others of its series "
                f"{members[0].shape[0]} x {members[0].shape[1]}",
                source=one.path,
            )


def _passed_over(members: Sequence[Slice], others: Sequence[Other]) -> list[Other]:
    """Skipped files that are worth a warning.

    Raises:
        InputError: One of them should have been a slice.
    """
    series, patterns = members[0].series, {_pattern(one.path) for one in members}
    worth = []
    for other in others:
        mine = _pattern(other.path) in patterns if other.series is None else other.series == series
        if mine and other.what not in QUIET and (other.placed or other.series is None):
            raise other.fault
        if other.what == NO_DICOM:
            continue
        if mine or other.what not in QUIET:
            worth.append(other)
    return worth


def _pattern(path: Path) -> str:
    """Common part of the file names in a series, with decimal and hexadecimal numbers removed."""
    return re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "#", path.name.lower())
