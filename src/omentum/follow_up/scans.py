"""Lesion follow-up from files, as in `omentum lesions compare`, without printing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError
from omentum.follow_up.compare import follow_up
from omentum.follow_up.result import FollowUp
from omentum.follow_up.scan_facts import ScanFacts
from omentum.io.labels import ForeignLabelsError
from omentum.io.segmentations import holds_named_masks, read_segmentation
from omentum.progress import SILENT, ProgressListener
from omentum.result_files import MANIFEST, MEASUREMENTS, SEGMENTATIONS, segmentation_in
from omentum.segmentation import Segmentation
from omentum.words import guesses_in, keys_of, notes_on, structures_in


def compare_scans(
    earlier: str | Path,
    later: str | Path,
    *,
    classes: str | Iterable[str] | None = None,
    force: bool = False,
    progress: ProgressListener = SILENT,
) -> FollowUp:
    """Match the lesions of two scans of a patient and measure their growth; see `omentum.follow_up.compare.follow_up`.

    Args:
        earlier: Earlier scan: a segmentation file, the output folder of a case, or an output folder with a single case.
        later: Later scan, likewise. Manifest and measurements next to a segmentation are read if present.
        classes: Lesions to compare, in words (docs/how-to/words.md); by default all.
        force: Continue even if the bodies do not match; the result is marked (`is_forced`).
        progress: Receives the start of the comparison.

    Returns:
        All lesions of both scans with their status and sizes, the RECIST response, and the alignment.

    Raises:
        InputError: a scan cannot be read or was segmented without lesions; or the scans have no organ in common, or
            (without `force`) do not match.
    """
    places = segmentation_of(earlier), segmentation_of(later)
    wanted = None if classes is None else _lesions(classes, progress)
    scans = [_read(place, wanted) for place in places]
    facts = _facts(places[0]), _facts(places[1])
    progress.begin("comparing", 1, 1)
    try:
        result = follow_up(scans[0], scans[1], facts, force=force)
    except InputError as fault:
        raise InputError(fault.reason, source=f"{earlier} and {later}", remedy=fault.remedy) from fault
    return replace(result, scans=(str(earlier), str(later)))


def segmentation_of(path: str | Path) -> Path:
    """Path of the segmentation: the file itself, in a case folder, or in the only case folder of an output.

    Raises:
        InputError: there is no segmentation, or more than one.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("no such file or folder", source=path)
    if path.is_file():
        return path
    if found := segmentation_in(path):
        return found
    inside = [place for folder in sorted(path.iterdir()) if (place := segmentation_in(folder))]
    if len(inside) == 1:
        return inside[0]
    if inside:
        names = ", ".join(place.parent.name for place in inside[:3])
        raise InputError(f"holds {len(inside)} cases ({names} ...)", source=path, remedy="name the one that is meant")
    raise InputError(f"has no {' or '.join(SEGMENTATIONS)}", source=path, remedy="give the output of omentum segment")


def _lesions(words: str | Iterable[str], progress: ProgressListener) -> frozenset[str]:
    """Keys of lesions; the understanding of the words is told.

    Raises:
        UsageError: A word is not understood, or means something that is no lesion.
    """
    understood = structures_in(words)
    for line in guesses_in(understood):
        progress.say("warning", line)
    for line in notes_on(understood):
        progress.note(line)
    keys = keys_of(understood)
    if strange := [key for key in keys if not STRUCTURES[key].is_lesion]:
        raise UsageError(f"{', '.join(strange)} is no lesion", remedy="for example liver tumour, or all lesions")
    return frozenset(keys)


def _read(path: Path, wanted: frozenset[str] | None) -> Segmentation:
    try:
        seg = read_segmentation(path)
    except ForeignLabelsError as fault:
        if holds_named_masks(path):
            raise
        fault.remedy = "segment it without --numbering, or write it in the numbers of omentum classes"
        raise
    if not any(STRUCTURES[key].is_lesion for key in seg.classes):
        raise InputError("was not asked for any lesion", source=path, remedy="segment it with the lesions as classes")
    if wanted is None:
        return seg
    if not wanted.intersection(seg.classes):
        raise InputError(f"was not asked for {', '.join(sorted(wanted))}", source=path, remedy="choose other classes")
    return seg.subset([key for key in seg.classes if not STRUCTURES[key].is_lesion or key in wanted])


def _facts(path: Path) -> ScanFacts:
    """Read the facts from the files next to a segmentation; empty if there are none."""
    return ScanFacts.of_result(*(_json_at(path.with_name(name)) for name in (MANIFEST, MEASUREMENTS)))


def _json_at(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {fault}", source=path, remedy="segment the scan again") from fault
    return content if isinstance(content, dict) else {}
