"""Harmonise one dataset's labels: label values or masks in, overlapping structures and an annotated set out.

Order of steps: map native values to structures (`native_values`), assign sides (`pair_sides`), resolve conflicts
(`conflicts`), find possibly incomplete structures (`unknown_parts`), add lesions to their hosts, and decide which
structures are annotated. A structure that could not be determined is not annotated, and a structure that is not
annotated has no voxel here: unknown is not the same as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import PAIRS
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.annotated import AnnotationScope, contradiction_text
from omentum.data.harmonise.label_bits import UNKNOWN, LabelBits, mark_of
from omentum.data.harmonise.laterality import LazyMidline, settle_sides
from omentum.data.harmonise.native_values import marks_of_map
from omentum.data.harmonise.notes import Note
from omentum.data.harmonise.overlaps import add_to_hosts, resolve_conflicts
from omentum.data.harmonise.unknown_parts import perhaps_incomplete
from omentum.errors import GeometryError
from omentum.segmentation import Segmentation
from omentum.volume import Affine, Grid

PART_OF_PLAUSIBLE = 0.1
"""An unknown value with so much of the least plausible volume of a structure may be that structure."""


@dataclass(frozen=True, eq=False)
class Harmonised:
    """Harmonised labels.

    Args:
        truth: Labels over all of `STRUCTURES.keys`, with the set of structures annotated in this case.
        notes: Remarks for the user.
    """

    truth: Segmentation
    notes: tuple[Note, ...]


def harmonise(
    native: ArrayLike,
    affine: Affine,
    values: Mapping[int, Target],
    annotated: Iterable[str],
    *,
    hu: NDArray[Any] | None = None,
    ignored: Iterable[int] = (),
    if_present: Iterable[str] = (),
    healthy: Iterable[str] = (),
) -> Harmonised:
    """Harmonise a label map.

    A value that the recipe does not know belongs to no structure. This is harmless far from any label. Inside or next
    to a labelled structure it means that the structure may be incomplete; a note reports it ("stray inside"). A
    structure without a voxel that could be hidden entirely under the unknown value is not annotated in this case.

    Args:
        native: Label map [i, j, k]. Fractions are rounded, with a note.
        affine: 4x4, voxel index -> RAS+ mm.
        values: Meaning of the label values.
        annotated: Annotated structures or pairs ("kidneys" means both).
        hu: CT in HU on the same grid, used to distinguish left from right. Without it, only well separated organs can
            be assigned to a side.
        ignored: Known label values that map to no structure.
        if_present: Subset of `annotated` that counts only if it has a voxel.
        healthy: Lesion types the patient is known not to have. They count as annotated too, unless the labels disagree
            or an unknown lesion might be one of them.

    Raises:
        InputError: The map contains far more unknown values than a label map should.
        GeometryError: `hu` has another shape.
    """
    sought = AnnotationScope(_structures(annotated), _structures(if_present), _structures(healthy))
    marks, notes, stray = marks_of_map(np.asarray(native), values, ignored, sought.annotated)
    if stray and (perhaps := _perhaps_stray(stray * Grid(marks.numbers.shape, affine).voxel_volume_ml, sought, marks)):
        names = ", ".join(key for key in STRUCTURES.keys if key in perhaps)
        notes.append(Note("not annotated", f"unknown values may be {names}: not annotated in this case"))
        sought = replace(sought, annotated=sought.annotated - perhaps)
    unknown = {target.unknown for target in values.values() if target.unknown}
    if any(target.hides for target in values.values()) and marks.mask((UNKNOWN,)).any():
        seen = sought.with_hidden_voxels(marks.present() | _both_sides(marks))
        if hidden := sought.annotated - seen.annotated:
            names = ", ".join(key for key in STRUCTURES.keys if key in hidden)
            text = f"{' and '.join(sorted(unknown))} may be {names}: not annotated in this case"
            notes.append(Note("not annotated", text))
        sought = seen
    return _settled(marks, notes, LazyMidline(_checked(hu, marks), affine), affine, sought, unknown)


def harmonise_masks(
    masks: Iterable[tuple[Target, NDArray[np.bool_]]],
    shape: tuple[int, int, int],
    affine: Affine,
    annotated: Iterable[str],
    *,
    hu: NDArray[Any] | None = None,
    if_present: Iterable[str] = (),
    healthy: Iterable[str] = (),
) -> Harmonised:
    """Harmonise one mask per structure; masks may overlap and are processed one at a time.

    Args:
        masks: Meaning and voxels of each mask; several masks may share a meaning (the lobes of a lung).
        shape: Shape of every mask.
        affine: 4x4, voxel index -> RAS+ mm.
        annotated: Annotated structures or pairs.
        hu: CT in HU [x, y, z], used to distinguish left from right; None if unavailable.
        if_present: Subset of `annotated` that counts only if it has a voxel.
        healthy: Lesion types the patient is known not to have.

    Raises:
        GeometryError: A mask or `hu` has another shape.
    """
    marks = LabelBits(shape)
    unknown = set()
    for target, mask in masks:
        if mask.shape != shape:
            raise GeometryError(f"a mask has shape {mask.shape}, expected {shape}")
        unknown |= {target.unknown} if target.unknown else set()
        marks.change(mask, mark_of(target).union)
    sought = AnnotationScope(_structures(annotated), _structures(if_present), _structures(healthy))
    return _settled(marks, [], LazyMidline(_checked(hu, marks), affine), affine, sought, unknown)


def _perhaps_stray(stray_ml: float, sought: AnnotationScope, marks: LabelBits) -> frozenset[str]:
    """Structures without a voxel that an unknown value has enough volume to be."""
    absent = sought.annotated - sought.healthy - marks.present() - _both_sides(marks)
    return frozenset(key for key in absent if stray_ml >= PART_OF_PLAUSIBLE * STRUCTURES[key].volume_ml[0])


def _both_sides(marks: LabelBits) -> frozenset[str]:
    """Both sides of pairs that have voxels without a side."""
    return frozenset[str]().union(*(PAIRS[name] for name in marks.present() if name in PAIRS))


def _structures(names: Iterable[str]) -> frozenset[str]:
    return frozenset(row.key for name in names for row in STRUCTURES.expand(name))


def _checked(hu: NDArray[Any] | None, marks: LabelBits) -> NDArray[Any] | None:
    if hu is not None and hu.shape != marks.numbers.shape:
        raise GeometryError(f"the CT has shape {hu.shape}, its labels {marks.numbers.shape}")
    return hu


def _settled(
    marks: LabelBits,
    notes: list[Note],
    body: LazyMidline,
    affine: Affine,
    sought: AnnotationScope,
    unknown: set[str],
) -> Harmonised:
    unsure, told = settle_sides(marks, affine, body)
    notes = [*notes, *told, *resolve_conflicts(marks)]
    if denied := sought.contradicted(marks.present()):
        notes.append(Note("conflict", contradiction_text(denied)))
    annotated = sought.candidates(marks.present(), unsure)
    if unknown and (incomplete := perhaps_incomplete(marks, annotated)):
        names = ", ".join(key for key in STRUCTURES.keys if key in incomplete)
        text = f"{' and '.join(sorted(unknown))} may be part of {names}: not annotated in this case"
        notes.append(Note("not annotated", text))
        annotated -= incomplete
    notes += add_to_hosts(marks, annotated)
    annotated = sought.confirmed(annotated, marks.present())
    marks.change_all(annotated.intersection)
    return Harmonised(Segmentation(marks.bits(STRUCTURES.keys), affine, STRUCTURES.keys, annotated), tuple(notes))
