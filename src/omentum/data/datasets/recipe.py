"""What a recipe is: where a dataset keeps its cases and what its labels mean in our words. Values only, no reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from omentum.anatomy.pairs import PAIRS
from omentum.errors import InputError

ImageKind = Literal["nifti", "dicom"]
LabelKind = Literal["map", "masks", "dicom_masks", "png_stack", "segments"]

PATIENT_FIELD = re.compile(r"\{id([+-]\d+)?\}")
_RANGE = re.compile(r"(\d+)(-(\d*))?")


@dataclass(frozen=True)
class Target:
    """What a native label value, or a mask file, means.

    Args:
        structures: Structure keys every voxel of it belongs to, e.g. {"liver", "liver_tumour"}.
        pairs: Keys of `omentum.anatomy.pairs.PAIRS` ("kidneys") whose voxels belong to the right or the left one and
            must still be told apart.
        unknown: Said instead, where it is part of some structure and nobody knows of which: what it is ("a lesion of
            an organ that is not named"). Whatever it touches is not annotated in that case.
        hides: Nobody annotated it, and it may be anything: a structure without a voxel is not annotated there, either.
    """

    structures: frozenset[str]
    pairs: frozenset[str] = frozenset()
    unknown: str = ""
    hides: bool = False

    @property
    def gives(self) -> frozenset[str]:
        """Every structure it can set, both sides of a pair included."""
        return self.structures.union(*(PAIRS[pair] for pair in self.pairs))


@dataclass(frozen=True)
class FileLayout:
    """Where images and labels lie below the dataset's root.

    Args:
        image: Glob with {id}, e.g. "**/volume-{id}.nii*".
        image_kind: "nifti" (a file) or "dicom" (a folder holding one series).
        labels: Glob with {id}.
        label_kind: "map" (one label map), "masks" (a folder with one NIfTI mask a structure), "dicom_masks" (a folder
            with one folder a structure, each a DICOM series), "png_stack" (a folder with one PNG a slice), "segments"
            (a .seg.nrrd of 3D Slicer; a segment's ID or name is the name of a mask).
    """

    image: str
    image_kind: ImageKind = "nifti"
    labels: str = ""
    label_kind: LabelKind = "map"


@dataclass(frozen=True)
class CaseRule:
    """An exception for some cases.

    Args:
        ids: Native ids: exact ("00297"), glob ("Tr_*"), number ("7" is also 0007) or range ("61-80", "501-").
        annotated: These structures were looked for, instead of the recipe's.
        skip: Why these cases are left out; "" keeps them.
        suspect: What a user should know about them (fake spacing, say); "" for nothing.
        patient: Who they are of, where the recipe's template is wrong.
        healthy: Lesion types that these cases are known not to have, besides the recipe's.
    """

    ids: tuple[str, ...]
    annotated: frozenset[str] | None = None
    skip: str = ""
    suspect: str = ""
    patient: str = ""
    healthy: frozenset[str] = frozenset()

    def covers(self, case_id: str) -> bool:
        """Whether the rule is about this case."""
        return any(_is_meant(pattern, case_id) for pattern in self.ids)


@dataclass(frozen=True)
class Recipe:
    """How to read one dataset.

    Args:
        key: Short name, the stem of its file.
        title, homepage, licence, citation: For people; the licence as its publisher states it.
        cases: Labelled cases as published; 0 when not stated.
        label_noise: What is known to be wrong with the labels.
        layout: Alternatives; the first one with cases counts.
        values: Native value -> meaning, for label maps and PNG stacks.
        masks: Name of a mask (no suffix; wildcards allowed) -> meaning, for masks, DICOM masks and segments.
        ignored: Native values, or mask names, that are known and mean none of our structures.
        annotated: Structure keys the annotators looked for in every case.
        rules: Exceptions by case.
        patient: Template of the patient id, "lits-{id}" or "lits-{id+27}"; datasets that share patients share it.
        annotated_if_present: Those of `annotated` that count only in cases whose labels hold at least one voxel of
            them: there, absent means nobody looked.
        reuse: Which other datasets hold the same images or patients.
        healthy: Lesion types that no case has, as the publisher says of its patients; they count as annotated and
            absent, although no label can say so.
        written: Native value -> structures that get it when a label map is written in this dataset's numbers, where its
            meaning does not tell.
        hu_offset: Added to what the images hold, -1024 where they hold HU + 1024.
    """

    key: str
    title: str
    homepage: str
    licence: str
    citation: str
    cases: int
    label_noise: str
    layout: tuple[FileLayout, ...]
    values: Mapping[int, Target]
    masks: Mapping[str, Target]
    ignored: frozenset[int | str]
    annotated: frozenset[str]
    rules: tuple[CaseRule, ...]
    patient: str
    annotated_if_present: frozenset[str] = frozenset()
    reuse: str = ""
    healthy: frozenset[str] = frozenset()
    written: Mapping[int, frozenset[str]] = field(default_factory=dict)
    hu_offset: int = 0

    def mask_target(self, name: str) -> Target | None:
        """Meaning of a mask by its name: that of the first pattern that fits, in the recipe's order.

        Args:
            name: Without suffix, in any case.

        Returns:
            None for an ignored or unknown mask; `ignores_mask` tells which.
        """
        if self.ignores_mask(name):
            return None
        return next((target for pattern, target in self.masks.items() if _fits(pattern, name)), None)

    def ignores_mask(self, name: str) -> bool:
        """Whether a mask of this name is known to mean nothing to us."""
        return any(isinstance(pattern, str) and _fits(pattern, name) for pattern in self.ignored)

    def rules_for(self, case_id: str) -> tuple[CaseRule, ...]:
        """The rules about one case, in the recipe's order."""
        return tuple(rule for rule in self.rules if rule.covers(case_id))

    def annotated_in(self, case_id: str) -> frozenset[str]:
        """What the annotators looked for in one case (before `annotated_if_present` is looked at)."""
        narrowed = (rule.annotated for rule in self.rules_for(case_id) if rule.annotated is not None)
        return frozenset.intersection(self.annotated, *narrowed)

    def healthy_in(self, case_id: str) -> frozenset[str]:
        """Lesion types that one case is known not to have."""
        return self.healthy.union(*(rule.healthy for rule in self.rules_for(case_id)))

    def patient_of(self, case_id: str) -> str:
        """The patient's id, the same in every dataset that shares the patient and its template.

        Raises:
            InputError: the template counts, and the id is no number.
        """
        named = next((rule.patient for rule in self.rules_for(case_id) if rule.patient), "")
        return named or PATIENT_FIELD.sub(lambda match: self._shifted(case_id, match[1]), self.patient)

    def _shifted(self, case_id: str, offset: str | None) -> str:
        if offset is None:
            return case_id
        if not case_id.isdecimal():
            raise InputError(
                f"case id {case_id!r} is no number, but patient = {self.patient!r} counts", source=self.key
            )
        return str(int(case_id) + int(offset))


def _fits(pattern: str, name: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())


def _is_meant(pattern: str, case_id: str) -> bool:
    numbers = _RANGE.fullmatch(pattern)
    if numbers is None or not case_id.isdecimal():
        return fnmatchcase(case_id, pattern)
    first, to, last = int(numbers[1]), numbers[2], numbers[3]
    return first <= int(case_id) <= (first if to is None else int(last) if last else int(case_id))
