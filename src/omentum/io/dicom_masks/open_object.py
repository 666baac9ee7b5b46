"""Open a DICOM object that may be a segmentation or a structure set, without trusting its sizes."""

from __future__ import annotations

import stat
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isal import igzip_lib, isal_zlib

from omentum.errors import InputError, MissingDependencyError
from omentum.io.dicom.open import HEAD, looks_like_dicom, open_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Storage of segmentations: of bits or fractions, and of label maps."""
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
MOST_BYTES = 1 << 32
"""A deflated object may become as long as pixel data can be, and no longer."""

_DEFLATED, _RAW, _CHUNK = "1.2.840.10008.1.2.1.99", -15, 1 << 20
_DAMAGE = (ValueError, TypeError, AttributeError, LookupError, EOFError, NotImplementedError, OSError)
"""What pydicom raises at damaged objects."""


def is_dicom_file(path: str | Path) -> bool:
    """Whether a regular file starts like DICOM."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return False
        with Path(path).open("rb") as file:
            return looks_like_dicom(file.read(HEAD))
    except OSError:
        return False


def open_object(path: Path, *, pixels: bool = True) -> Dataset:
    """Read a DICOM object.

    Raises:
        InputError: It is damaged, or a deflated object that would become too long.
        MissingDependencyError: pydicom is not installed.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as fault:
        remedy = "pip install 'omentum[dicom]'"
        raise MissingDependencyError("reading DICOM needs pydicom", source=path, remedy=remedy) from fault
    try:
        _check_deflated(path)
        return open_dicom(path, pixels=pixels)  # type: ignore[no-any-return]
    except _DAMAGE as fault:
        reason = f"is a damaged DICOM file: {fault}"
        raise InputError(reason, source=path, remedy="copy or download it again") from fault


def storage_class(dataset: Dataset) -> str:
    """Storage class, of the data set or of its file."""
    return str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")


def damaged(fault: Exception, path: Path) -> InputError:
    """Error for an object that lacks what its kind must have."""
    return InputError(f"is a damaged DICOM object: {fault!r}", source=path, remedy="write it again")


def _check_deflated(path: Path) -> None:
    """Inflate a deflated object piece by piece, keeping nothing, before pydicom inflates it at once.

    Raises:
        InputError: It would become longer than pixel data can be.
    """
    from pydicom.filereader import read_file_meta_info

    try:
        meta: Any = read_file_meta_info(path)
    except _DAMAGE:
        return  # without meta information it is read as what it looks like, and that is not deflated
    if str(meta.get("TransferSyntaxUID", "")) != _DEFLATED:
        return
    start = 132 + 12 + int(meta.FileMetaInformationGroupLength)
    stream, length = isal_zlib.decompressobj(_RAW), 0
    content = BytesIO(path.read_bytes()[start:])
    try:
        while piece := stream.unconsumed_tail or content.read(_CHUNK):
            length += len(stream.decompress(piece, _CHUNK))
            if length > MOST_BYTES:
                raise InputError(f"would inflate to more than {MOST_BYTES} bytes", source=path)
    except igzip_lib.IsalError as fault:  # type: ignore[misc]  # typed as an instance in its stub
        raise InputError(f"is damaged: {fault}", source=path, remedy="copy or download it again") from fault
