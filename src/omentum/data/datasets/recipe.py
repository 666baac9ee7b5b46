"""Recipe values: where a dataset keeps its cases and how its labels map to our structures. Nothing is read here."""

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
    """Meaning of a native label value or mask file.

    Args:
        structures: Keys of all structures its voxels belong to, e.g. {"liver", "liver_tumour"}.
        pairs: Keys of `omentum.anatomy.pairs.PAIRS` ("kidneys") whose voxels still have to be assigned to the right or
            the left side.
        unknown: Description of a label that belongs to some unspecified structure ("a lesion of an unnamed organ"). Any
            structure it touches counts as not annotated in that case.
        hides: Whether its voxels are unannotated and may contain anything. A structure without a voxel then also counts
            as not annotated.
    """

    structures: frozenset[str]
    pairs: frozenset[str] = frozenset()
    unknown: str = ""
    hides: bool = False

    @property
    def gives(self) -> frozenset[str]:
        """All structures this label can set, including both sides of its pairs."""
        return self.structures.union(*(PAIRS[pair] for pair in self.pairs))


@dataclass(frozen=True)
class FileLayout:
    """Location and format of images and labels below the dataset root.

    Args:
        image: Glob with {id}, e.g. "**/volume-{id}.nii*".
        image_kind: "nifti" (a file: NIfTI, NRRD or MetaImage) or "dicom" (a folder with one series).
        labels: Glob with {id}.
        label_kind: "map" (one label map), "masks" (a folder with one mask file per structure), "dicom_masks" (a folder
            with one DICOM series per structure), "png_stack" (a folder with one PNG per slice), or "segments" (a
            .seg.nrrd of 3D Slicer, where a segment's ID or name is the mask name).
    """

    image: str
    image_kind: ImageKind = "nifti"
    labels: str = ""
    label_kind: LabelKind = "map"


@dataclass(frozen=True)
class CaseRule:
    """Exception to a recipe for some cases.

    Args:
        ids: Native ids: exact ("00297"), glob ("Tr_*"), number ("7" also matches 0007) or range ("61-80", "501-").
        annotated: Structures annotated in these cases, instead of the recipe's.
        skip: Reason for leaving these cases out; "" keeps them.
        suspect: Known problem, such as a wrong spacing; "" if none.
        patient: Patient identifier, where the recipe's template is wrong.
        healthy: Lesion types these patients are known not to have, in addition to the recipe's.
        predicted: Structures whose labels are predictions that a person corrected or accepted.
    """

    ids: tuple[str, ...]
    annotated: frozenset[str] | None = None
    skip: str = ""
    suspect: str = ""
    patient: str = ""
    healthy: frozenset[str] = frozenset()
    predicted: frozenset[str] = frozenset()

    def covers(self, case_id: str) -> bool:
        """Whether the rule applies to a case."""
        return any(_is_meant(pattern, case_id) for pattern in self.ids)


@dataclass(frozen=True)
class Recipe:
    """How to read one dataset.

    Args:
        key: Short name; equals the stem of its file.
        title, homepage, licence, citation: Descriptive text; the licence as stated by the publisher.
        cases: Number of labelled cases as published; 0 if not stated.
        label_noise: Known problems of the labels.
        layout: Alternative file layouts; the first one that matches cases is used.
        values: Native value -> meaning, for label maps and PNG stacks.
        masks: Name of a mask (no suffix; wildcards allowed) -> meaning, for masks, DICOM masks and segments.
        ignored: Native values or mask names that map to none of our structures.
        annotated: Keys of the structures annotated in every case.
        rules: Exceptions by case.
        patient: Template of the patient id, "lits-{id}" or "lits-{id+27}"; datasets that share patients share it.
        annotated_if_present: Subset of `annotated` that counts only in cases with at least one voxel of it; elsewhere
            its absence means "not annotated".
        reuse: Other datasets that contain the same images or patients.
        healthy: Lesion types that no case has, according to the publisher; they count as annotated and absent although
            no label encodes them.
        written: Native value -> structures written with it when exporting in this dataset's numbering, where `values`
            is ambiguous.
        hu_offset: Added to the stored intensities; -1024 for images stored as HU + 1024.
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
        """Meaning of a mask, by the first matching name pattern in recipe order.

        Args:
            name: Mask name without suffix; case-insensitive.

        Returns:
            The target, or None if the mask is ignored or unknown (see `ignores_mask`).
        """
        if self.ignores_mask(name):
            return None
        return next((target for pattern, target in self.masks.items() if _fits(pattern, name)), None)

    def ignores_mask(self, name: str) -> bool:
        """Whether a mask name is listed as ignored."""
        return any(isinstance(pattern, str) and _fits(pattern, name) for pattern in self.ignored)

    def rules_for(self, case_id: str) -> tuple[CaseRule, ...]:
        """Rules that apply to a case, in recipe order."""
        return tuple(rule for rule in self.rules if rule.covers(case_id))

    def annotated_in(self, case_id: str) -> frozenset[str]:
        """Structures annotated in a case, before `annotated_if_present` is applied."""
        narrowed = (rule.annotated for rule in self.rules_for(case_id) if rule.annotated is not None)
        return frozenset.intersection(self.annotated, *narrowed)

    def healthy_in(self, case_id: str) -> frozenset[str]:
        """Lesion types that a case is known not to have."""
        return self.healthy.union(*(rule.healthy for rule in self.rules_for(case_id)))

    def predicted_in(self, case_id: str) -> frozenset[str]:
        """Structures of a case whose labels are accepted predictions."""
        return frozenset[str]().union(*(rule.predicted for rule in self.rules_for(case_id)))

    def patient_of(self, case_id: str) -> str:
        """Patient identifier, equal in all datasets that share the patient and the template.

        Raises:
            InputError: The template does arithmetic on the id, and the id is not a number.
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
