"""Read a raw case of any layout: the CT and its harmonised labels on the CT grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.raw_case import RawCase
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.align_labels import on_grid_of, stack_on_grid_of
from omentum.data.harmonise.harmonise import Harmonised, harmonise, harmonise_masks
from omentum.data.harmonise.notes import Note, noting
from omentum.data.harmonise.segments import NamedSegments, known_segments, segment_masks
from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.case_names import case_name
from omentum.io.dicom.open import is_dicom_file
from omentum.io.dicom.series import read_mask_series, read_series
from omentum.io.dicom_masks.read import open_segments
from omentum.io.images import read_image
from omentum.io.png_stack import read_png_stack
from omentum.io.sanity import check_ct
from omentum.io.seg_nrrd.segments import read_segments
from omentum.segmentation import Segmentation
from omentum.volume import PADDING_HU, Volume

_NO_HU = "leave such cases out with a rule (skip), or say hu_offset = -1024 in the recipe where they hold HU + 1024"

__all__ = ["HarmonisedCase", "Note", "read_raw"]


@dataclass(frozen=True, eq=False)
class HarmonisedCase:
    """One labelled CT with harmonised labels.

    Args:
        ct: HU, clipped below at -1024.
        truth: Labels on the CT grid over all of `STRUCTURES.keys`, with the set of structures annotated in this case.
        notes: Repairs, doubts and remarks.
    """

    ct: Volume
    truth: Segmentation
    notes: tuple[Note, ...]


def read_raw(case: RawCase) -> HarmonisedCase:
    """Read a CT and its labels in the publisher's format.

    Raises:
        InputError: A file is missing or damaged, or contains no CT or no labels.
        GeometryError: The labels are not on the CT grid.
        MissingDependencyError: The case is DICOM and pydicom is not installed.
    """
    notes = [Note("suspect", case.suspect)] if case.suspect else []
    with noting(notes, "image"):
        ct = _read_ct(case)
    with noting(notes, "geometry"):
        harmonised = _read_labels(case, ct, notes)
    truth = replace(harmonised.truth, header=ct.header)
    return HarmonisedCase(ct, truth, (*notes, *harmonised.notes))


def _read_ct(case: RawCase) -> Volume:
    volume = read_series(case.image) if case.layout.image_kind == "dicom" else read_image(case.image)
    if offset := case.recipe.hu_offset:
        volume = replace(volume, voxels=volume.voxels.astype(np.float32) + np.float32(offset))
    try:
        volume = check_ct(volume, source=case.image)
    except InputError as fault:
        raise InputError(fault.reason, source=fault.source, remedy=_NO_HU) from fault
    if (low := float(volume.voxels.min())) >= PADDING_HU:
        return volume
    warn_of_case(f"padded or out of scale, down to {low:g}; read as {PADDING_HU}", case.image)
    return replace(volume, voxels=np.maximum(volume.voxels, volume.voxels.dtype.type(PADDING_HU)))


def _read_labels(case: RawCase, ct: Volume, notes: list[Note]) -> Harmonised:
    (place,) = case.labels
    try:
        match case.layout.label_kind:
            case "map":
                return _from_map(case, ct, *on_grid_of(ct, read_image(place), place))
            case "png_stack":
                return _from_map(case, ct, *stack_on_grid_of(ct, read_png_stack(place), place))
            case "segments":
                file = _open_segments(place, ct)
                known = known_segments(case.recipe, file, place, notes)
                return _from_masks(case, ct, known, segment_masks(ct, file, known, place, notes), notes)
            case _:
                found = _find_masks(case, place, notes)
                return _from_masks(case, ct, found, _masks(case, ct, found, notes), notes)
    except (InputError, GeometryError) as fault:
        if fault.source is not None:
            raise
        raise type(fault)(fault.reason, source=place, remedy=fault.remedy) from fault


def _open_segments(place: Path, ct: Volume) -> NamedSegments:
    return open_segments(place, ct.grid) if is_dicom_file(place) else read_segments(place)


def _from_map(case: RawCase, ct: Volume, native: NDArray[Any], notes: list[Note]) -> Harmonised:
    harmonised = harmonise(
        native,
        ct.affine,
        case.recipe.values,
        case.annotated,
        hu=ct.voxels,
        ignored=[value for value in case.recipe.ignored if isinstance(value, int)],
        if_present=case.annotated_if_present,
        healthy=case.healthy,
    )
    return replace(harmonised, notes=(*notes, *harmonised.notes))


def _from_masks(
    case: RawCase,
    ct: Volume,
    known: Sequence[tuple[Any, Target]],
    masks: Iterator[tuple[Target, NDArray[np.bool_]]],
    notes: list[Note],
) -> Harmonised:
    drawn = frozenset[str]().union(*(target.gives for _, target in known))
    annotated = _looked_for(case, drawn)
    if missing := sorted(case.annotated - case.annotated_if_present - annotated):
        notes.append(Note("not annotated", f"no mask of {', '.join(missing)}: not annotated in this case"))
    return harmonise_masks(
        masks,
        ct.shape,
        ct.affine,
        annotated,
        hu=ct.voxels,
        if_present=case.annotated_if_present,
        healthy=case.healthy,
    )


def _looked_for(case: RawCase, drawn: frozenset[str]) -> frozenset[str]:
    """Structures that count as annotated, given the masks that exist.

    A missing mask means an unknown structure. The exception is datasets that only ship masks of what was found (DICOM
    masks): there, a lesion without a mask is absent if its host organ has a mask.
    """
    if case.layout.label_kind in ("masks", "segments"):
        return case.annotated & drawn
    none_found = {s.key for s in STRUCTURES if s.is_lesion and any(host in drawn for host in s.hosts)}
    return case.annotated & (drawn | none_found)


def _find_masks(case: RawCase, folder: Path, notes: list[Note]) -> list[tuple[Path, Target]]:
    """All masks with a known meaning, sorted by name."""
    found, strange = [], []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir() != (case.layout.label_kind == "dicom_masks"):
            continue
        name = path.name if path.is_dir() else case_name(path)
        target = case.recipe.mask_target(name)
        if target is None and not case.recipe.ignores_mask(name):
            strange.append(name)
        elif target is not None and path.is_file() and path.stat().st_size == 0:
            notes.append(Note("not annotated", f"the mask {path.name} is an empty file; taken as not drawn"))
        elif target is not None:
            found.append((path, target))
    if strange:
        notes.append(Note("stray", f"masks that the recipe does not know: {', '.join(strange)}"))
    if not found:
        raise InputError("holds no mask that the recipe knows", source=folder)
    return found


def _masks(
    case: RawCase, ct: Volume, masks: list[tuple[Path, Target]], notes: list[Note]
) -> Iterator[tuple[Target, NDArray[np.bool_]]]:
    """Yield one mask at a time on the CT grid; identical notes are kept once."""
    for path, target in masks:
        mask = read_mask_series(path, ct) if case.layout.label_kind == "dicom_masks" else read_image(path)
        voxels, remarks = on_grid_of(ct, mask, path)
        notes += [remark for remark in remarks if remark not in notes]
        yield target, voxels if voxels.dtype == np.bool_ else voxels > 0.5
