"""Attributes of patient, study and frame of reference that every object repeats from the images of its series."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from omentum.io.dicom.uids import CT_IMAGE
from omentum.volume import Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COPIED = (
    *("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
    *("StudyDescription", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientSize", "PatientWeight", "StudyInstanceUID", "SeriesInstanceUID", "StudyID"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "ClinicalTrialSponsorName", "ClinicalTrialProtocolID"),
    *("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "BurnedInAnnotation"),
)
"""Attributes of patient, study and frame of reference that every object repeats."""
_MAY_BE_EMPTY = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientID"),
    *("PatientBirthDate", "PatientSex", "StudyID", "PositionReferenceIndicator"),
)
"""Type 2: there with or without a value."""
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_SEXES = ("", "M", "F", "O")


def template_of(first: Dataset, grid: Grid, made_up: list[str]) -> tuple[Dataset, list[str]]:
    """What every object repeats, and the attributes that are not valid."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    made, dropped = Dataset(), []
    for name in COPIED:
        if name in first:
            if (element := _valid(first, name)) is None:
                dropped.append(name)
            else:
                made.add(element)
    for name in _MAY_BE_EMPTY:
        if made.get(name) is None:
            setattr(made, name, "")
    for name in UIDS:
        if not made.get(name):
            setattr(made, name, generate_uid())
            made_up.append(name)
    made.SOPClassUID, made.Modality = CT_IMAGE, "CT"
    made.Columns, made.Rows = grid.shape[:2]
    column_mm, row_mm, slice_mm = grid.spacing_mm
    made.PixelSpacing = decimals((row_mm, column_mm))
    (made.SliceThickness,) = decimals([slice_mm])
    return made, dropped


def _valid(first: Dataset, name: str) -> Any:
    """A data element that can be written as it was read; None if its value violates the standard."""
    from pydicom import config
    from pydicom.dataset import Dataset
    from pydicom.valuerep import validate_value

    try:
        element = first[name]
        alone = Dataset()
        if element.VR not in ("PN", "CS") or name == "PatientSex":
            for value in element.value if element.VM > 1 else [element.value]:
                validate_value(element.VR, value if value is None else str(value), config.RAISE)
        alone.add(element)
        if "SpecificCharacterSet" in first:
            alone.SpecificCharacterSet = first.SpecificCharacterSet
        alone.save_as(BytesIO(), implicit_vr=False, little_endian=True)
        if name == "PatientSex" and str(element.value or "") not in _SEXES:
            return None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, NotImplementedError):
        return None
    return element


def decimals(numbers: Iterable[float]) -> list[str]:
    """Numbers as DICOM decimal strings (VR DS, at most 16 characters), rounded as little as these allow."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(number)) for number in numbers]
