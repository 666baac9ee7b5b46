"""Names of structures and files, as MONAI Label clients write them."""

from __future__ import annotations

from omentum.anatomy import STRUCTURES
from omentum.io.case_names import DICOM_SUFFIX, IMAGE_SUFFIXES, ZIP_SUFFIX


def label_name(key: str) -> str:
    """Name of a label: that of 3D Slicer's colours where it has one, such as "right kidney"."""
    return STRUCTURES[key].display.lower() if key in STRUCTURES else key


def stored_name(filename: str, number: int) -> str:
    """Name for a received file that says nothing of a patient: its suffix is kept, by which a reader is chosen.

    Args:
        filename: As it was sent.
        number: Of several files, from 1.
    """
    known = (*IMAGE_SUFFIXES, ZIP_SUFFIX)
    suffix = next((suffix for suffix in known if filename.lower().endswith(suffix)), DICOM_SUFFIX)
    return f"{number:06d}{suffix}"
