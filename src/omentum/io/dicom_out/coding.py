"""Structures in the terms of DICOM: coded concepts, laterality, region and recommended colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omentum.anatomy.structure import SnomedCode, Structure

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SCHEME = "SCT"
"""Designator of SNOMED CT."""


def concept(code: SnomedCode) -> Any:
    """`highdicom.sr.CodedConcept` of a SNOMED CT code."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code.code, SCHEME, code.meaning)


def type_concept(structure: Structure) -> Dataset:
    """Property type of a structure, with its side as a modifier (PS3.3, Table C.8.20-4)."""
    found = concept(structure.snomed)
    if structure.snomed_modifier is not None:
        found.SegmentedPropertyTypeModifierCodeSequence = [concept(structure.snomed_modifier)]
    return found  # type: ignore[no-any-return]


def regions(structure: Structure) -> list[Any] | None:
    """Anatomic region of a lesion or of a vessel inside an organ; None for organs."""
    return None if structure.snomed_region is None else [concept(structure.snomed_region)]


def colour(structure: Structure) -> Any:
    """Recommended display colour, `highdicom.color.CIELabColor`."""
    from highdicom.color import CIELabColor

    return CIELabColor.from_rgb(*structure.colour)
