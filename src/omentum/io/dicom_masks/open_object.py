"""Open a DICOM object that may be a segmentation or a structure set, without trusting its sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import InputError, MissingDependencyError
from omentum.io.dicom.damage import damage_errors, told
from omentum.io.dicom.open import is_dicom_file, open_dicom, storage_class
from omentum.io.dicom.uids import LABEL_MAP_SEGMENTATION, SEGMENTATION, STRUCTURE_SET

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATIONS = (SEGMENTATION, LABEL_MAP_SEGMENTATION)


def holds_dicom_masks(path: str | Path) -> bool:
    """Whether a file is a segmentation object or structure set, judging by its header; False if it is damaged."""
    if not is_dicom_file(path):
        return False
    try:
        return storage_class(open_object(Path(path), pixels=False)) in (*SEGMENTATIONS, STRUCTURE_SET)
    except InputError:
        return False


def open_object(path: Path, *, pixels: bool = True) -> Dataset:
    """Read a DICOM object.

    Raises:
        InputError: It is damaged or cannot be read, or a deflated object that would become longer than it says.
        MissingDependencyError: pydicom is not installed.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as fault:
        remedy = "pip install 'omentum[dicom]'"
        raise MissingDependencyError("reading DICOM needs pydicom", source=path, remedy=remedy) from fault
    try:
        return open_dicom(path, pixels=pixels)  # type: ignore[no-any-return]
    except OSError as fault:
        raise InputError(fault.strerror or "ends too early", source=path) from fault
    except damage_errors() as fault:
        reason = f"is a damaged DICOM file ({told(fault)})"
        raise InputError(reason, source=path, remedy="copy or download it again") from fault


def damaged(fault: Exception, path: Path) -> InputError:
    """Error for an object that lacks what its kind must have."""
    return InputError(f"is a damaged DICOM object ({told(fault)})", source=path, remedy="write it again")
