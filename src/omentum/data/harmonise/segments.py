"""Labels stored as `.seg.nrrd`: match segments with a recipe and yield their masks on the CT grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.data.datasets.recipe import Recipe, Target
from omentum.data.harmonise.align_labels import on_grid_of
from omentum.data.harmonise.notes import Note
from omentum.errors import InputError
from omentum.io.dicom_masks.segmentation_file import DicomSegments
from omentum.io.dicom_masks.structure_set_file import DicomContours
from omentum.io.pad_crop import pad_or_crop
from omentum.io.seg_nrrd.segments import Segment, SegmentFile, named, refuse_lost_names
from omentum.segmentation import Segmentation
from omentum.volume import Volume

NamedSegments = SegmentFile | DicomSegments | DicomContours
"""Masks with the names that their file gives them."""
Known = Sequence[tuple[Segment, Target]]


def known_segments(recipe: Recipe, file: NamedSegments, source: Path, notes: list[Note]) -> Known:
    """Segments with a known meaning in file order, matched by name, else by ID: a viewer renames and keeps the ID.

    Args:
        recipe: Its mask names are matched with the segments.
        file: The segmentation file.
        source: File name, for messages.
        notes: Receives a note for each unknown segment.

    Raises:
        InputError: No segment is known, or one of our structures was renamed to nothing that the recipe knows.
    """
    found, strange = list[tuple[Segment, Target]](), []
    for segment in file.segments:
        if segment.name and recipe.ignores_mask(segment.name):
            continue
        words = [word for word in (segment.name, segment.id) if word]
        target = next((target for word in words if (target := recipe.mask_target(word))), None)
        if target is not None and segment.is_annotated:
            found.append((segment, target))
        elif target is None and not any(map(recipe.ignores_mask, words)):
            strange.append(segment)
    unknown = [one for one in file.segments if not recipe.mask_target(one.name) and not recipe.ignores_mask(one.name)]
    refuse_lost_names(unknown, source)
    if strange:
        notes.append(Note("stray", f"segments that the recipe does not know: {named(strange)}"))
    if not found:
        raise InputError(f"has no segment that the recipe knows: {named(file.segments)}", source=source)
    return found


def segment_masks(
    ct: Volume, file: NamedSegments, segments: Known, source: Path, notes: list[Note]
) -> Iterator[tuple[Target, NDArray[np.bool_]]]:
    """Yield one mask at a time; identical notes are kept once.

    Raises:
        GeometryError: The segments are not on the CT grid.
    """
    for segment, target in segments:
        mask, affine = file.mask(segment), file.grid.affine
        if isinstance(file, DicomSegments):  # it has no slices where there is nothing
            whole = pad_or_crop(Segmentation.from_masks({segment.label: mask}, affine), ct.grid)
            mask, affine = whole.bits[0] != 0, whole.affine
        voxels, remarks = on_grid_of(ct, Volume(mask, affine), source)
        notes += [remark for remark in remarks if remark not in notes]
        yield target, voxels
