"""Find the CT slices in a folder and read their headers; pixels are not read.

Files are classified by content, never by name or suffix. Files that are certainly not images (text, DICOMDIR, dose
reports, segmentation objects) are skipped. Files that may matter (damaged files, other modalities, localizers) are
returned as `Other` for the series selection. Messages never contain patient names, dates or UIDs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.errors import InputError, MissingDependencyError
from omentum.io.dicom.open import HEAD, looks_like_dicom, open_dicom

MAX_SIDE = 4096
"""No CT has more rows or columns; a header with more is damaged or hostile."""

FRAME_DIGITS = 16
"""Digits of a hash, enough to distinguish frames of reference."""

_OTHER_OBJECTS = (
    ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"),
    (
        *("1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.9"),
        *("1.2.840.10008.5.1.4.1.1.11", "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.88"),
        *("1.2.840.10008.5.1.4.1.1.104", "1.2.840.10008.5.1.4.1.1.481"),
    ),
)
"""Storage classes by prefix: multi-frame CT, which is refused; and what may lie beside a series (directory, secondary
capture, waveform, presentation state, segmentation, report, PDF, radiotherapy), which is passed over."""

_TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "Modality", "ImageType"),
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "PixelSpacing", "SliceThickness"),
    "PhotometricInterpretation",
    *("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"),
]


NO_DICOM = "file that is no DICOM"
"""Of `Other`: worth a word only where it is called like the slices, and so was one once."""

_DAMAGE = (ValueError, TypeError, AttributeError, KeyError, IndexError, EOFError, NotImplementedError)
"""What pydicom raises at damaged headers."""


@dataclass(frozen=True)
class Slice:
    """Header of one CT slice.

    Args:
        path: The file.
        series: Series instance UID; "" if removed.
        series_number, instance_number: As stored; None if missing.
        uid: SOP instance UID.
        shape: Columns and rows.
        position_mm: Centre of the first pixel in mm, LPS; None if missing.
        directions: Unit vectors along a row and down a column, LPS (six numbers); None if missing.
        spacing_mm: Distance between columns and between rows; None if missing.
        thickness_mm: As stored; None if missing.
        inverted: Whether low values are displayed bright (MONOCHROME1).
        frame: Hash of the frame of reference UID (the UID itself may identify a patient); None if missing.
    """

    path: Path
    series: str
    series_number: int | None
    instance_number: int | None
    uid: str
    shape: tuple[int, int]
    position_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    thickness_mm: float | None
    inverted: bool = False
    frame: str | None = None


@dataclass(frozen=True)
class Other:
    """A file that is not a CT slice but may belong to a series.

    Args:
        path: The file.
        what: Description for messages, e.g. "image of modality PT".
        fault: Message if it should have been a slice.
        series: As for `Slice`; None if not stated.
        placed: Whether it states its position in the patient.
    """

    path: Path
    what: str
    fault: InputError
    series: str | None = None
    placed: bool = False


def find_slices(folder: Path) -> tuple[list[Slice], list[Other]]:
    """Headers of all CT slices in a folder and its subfolders, and other files that may matter.

    Raises:
        InputError: The folder does not exist, or a file cannot be read.
        MissingDependencyError: pydicom is not installed.
    """
    if importlib.util.find_spec("pydicom") is None:
        raise MissingDependencyError("reading DICOM needs pydicom", remedy="pip install 'omentum[dicom]'")
    if not folder.is_dir():
        raise InputError("is no folder with DICOM images", source=folder)
    found = [read for path in _files(folder) if (read := _read_file(path))]
    slices = [f for f in found if isinstance(f, Slice)]
    return slices, [f for f in found if isinstance(f, Other) and (slices or f.what != NO_DICOM)]


def _files(folder: Path) -> list[Path]:
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name.upper() != "DICOMDIR"
    )


def _read_file(path: Path) -> Slice | Other | None:
    """The slice in a file, or another possibly relevant object; None if it is certainly irrelevant."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would block forever
            return None
        with path.open("rb") as file:
            head = file.read(HEAD)
        if not any(head):
            fault = InputError("is empty or all zeros", source=path, remedy="copy or download the series again")
            return Other(path, "empty file", fault)
        if not looks_like_dicom(head):
            fault = InputError("is no DICOM file", source=path, remedy="copy or download the series again")
            return Other(path, NO_DICOM, fault)
        return _judged(open_dicom(path, pixels=False, tags=_TAGS), path)
    except OSError as fault:
        raise InputError(fault.strerror or "ends too early", source=path) from fault
    except _DAMAGE as fault:
        return Other(path, "damaged file", InputError(f"is a damaged DICOM file: {fault}", source=path))


def _judged(header: Any, path: Path) -> Slice | Other | None:
    kind = str(header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID") or "")
    multi_frame, beside = _OTHER_OBJECTS
    if kind.startswith(beside) or not (kind or header.get("Rows") or header.get("Modality")):
        return None
    if "LOCALIZER" in (header.get("ImageType") or ()):
        return _other(header, "localizer", InputError("is a localizer, not a slice", source=path))
    if kind in multi_frame or int(header.get("NumberOfFrames") or 1) > 1:
        reason, remedy = "is a multi-frame image, which is not yet supported", "convert it with dcm2niix -z y"
        return _other(header, "multi-frame image", InputError(reason, source=path, remedy=remedy))
    modality = str(header.get("Modality") or "CT")
    if modality != "CT":
        fault = InputError(f"is an image of modality {modality}, expected CT", source=path)
        return _other(header, f"image of modality {modality}", fault)
    return _image_fault(header, path) or _slice(header, path)


def _image_fault(header: Any, path: Path) -> Other | None:
    """Problem of the image matrix of a CT file; None for a usable slice."""
    if not header.get("Rows") or not header.get("Columns"):
        fault = InputError("is a DICOM file without an image", source=path, remedy="copy or download the series again")
        return _other(header, "file without an image", fault)
    shape = int(header.Columns), int(header.Rows)
    if max(shape) > MAX_SIDE:
        fault = InputError(f"would be {shape[0]} x {shape[1]} pixels, no CT is so large", source=path)
        return _other(header, "image too large for a CT", fault)
    if int(header.get("SamplesPerPixel") or 1) != 1:
        return _other(header, "colour image", InputError("is a colour image, not a CT slice", source=path))
    return None


def _other(header: Any, what: str, fault: InputError) -> Other:
    series = str(header.get("SeriesInstanceUID") or "")
    assert fault.source is not None
    return Other(Path(fault.source), what, fault, series, bool(header.get("ImagePositionPatient")))


def _slice(header: Any, path: Path) -> Slice:
    spacing = _numbers(header, "PixelSpacing", 2)
    return Slice(
        path=path,
        series=str(header.get("SeriesInstanceUID") or ""),
        series_number=_whole(header.get("SeriesNumber")),
        instance_number=_whole(header.get("InstanceNumber")),
        uid=str(header.get("SOPInstanceUID") or ""),
        shape=(int(header.Columns), int(header.Rows)),
        position_mm=_numbers(header, "ImagePositionPatient", 3),
        directions=_numbers(header, "ImageOrientationPatient", 6),
        spacing_mm=spacing and spacing[::-1],  # stored as (between rows, between columns)
        thickness_mm=None if header.get("SliceThickness") is None else float(header.SliceThickness),
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        frame=_hashed(header.get("FrameOfReferenceUID")),
    )


def _numbers(header: Any, name: str, count: int) -> tuple[float, ...] | None:
    stored = header.get(name)
    if stored is None or stored == "":
        return None
    values = tuple(float(v) for v in stored)
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} numbers, expected {count}")
    return values


def _hashed(uid: Any) -> str | None:
    text = str(uid or "").strip()
    return hashlib.sha256(f"frame of reference {text}".encode()).hexdigest()[:FRAME_DIGITS] if text else None


def _whole(stored: Any) -> int | None:
    return None if stored is None or stored == "" else int(stored)
