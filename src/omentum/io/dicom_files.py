"""Which files in a folder are CT slices, and what their headers say; pixels are not touched here.

A file counts by its content, never by its name or suffix. What is surely no image (text, DICOMDIR, dose reports,
segmentation objects, localizers) is passed over; a slice that is damaged is an error, for leaving it out would make
a gap. Messages never repeat names, dates or UIDs of a patient.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.errors import InputError, MissingDependencyError

MAX_SIDE = 4096
"""No CT has more rows or columns; a header that says so is damaged or hostile."""

_PREAMBLE_BYTES = 132
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
    *("ImagePositionPatient", "ImageOrientationPatient"),
]


@dataclass(frozen=True)
class Slice:
    """What the header of one CT slice says.

    Args:
        path: The file.
        series: Series instance UID; "" where it was removed.
        series_number, instance_number: As stored, None where missing.
        uid: SOP instance UID.
        shape: Columns and rows.
        position_mm: Centre of the first pixel, LPS; None where missing.
        directions: Unit vectors, LPS, along a row and down a column (six numbers); None where missing.
        spacing_mm: Distance between columns and between rows; None where missing.
        thickness_mm: As stored; None where missing.
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


def find_slices(folder: Path) -> list[Slice]:
    """Headers of all CT slices in a folder and the folders below it.

    Raises:
        InputError: no folder, no slice in it, a damaged slice, or images that are no CT slices.
        MissingDependencyError: pydicom is not installed.
    """
    if importlib.util.find_spec("pydicom") is None:
        raise MissingDependencyError("reading DICOM needs pydicom", remedy="pip install 'omentum[dicom]'")
    if not folder.is_dir():
        raise InputError("is no folder with DICOM images", source=folder)
    found = [a_slice for path in _files(folder) if (a_slice := _read_slice(path))]
    if not found:
        raise InputError("no DICOM images found", source=folder, remedy="name the folder that holds one CT series")
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name.upper() != "DICOMDIR"
    )


def _read_slice(path: Path) -> Slice | None:
    """The slice in a file, or None when the file is something else."""
    import pydicom

    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return None
        with path.open("rb") as file:
            head = file.read(2 * _PREAMBLE_BYTES)
        if not head or not any(head):
            raise InputError("is empty or all zeros", source=path, remedy="copy or download the series again")
        if head[128:132] != b"DICM" and head[:2] != b"\x08\x00":
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=_TAGS)
            return _checked(header, path)
    except InputError:
        raise
    except OSError as fault:
        raise InputError(fault.strerror or "ends too early", source=path) from fault
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, EOFError, NotImplementedError) as fault:
        raise InputError(f"is a damaged DICOM file: {fault}", source=path) from fault


def _checked(header: Any, path: Path) -> Slice | None:
    kind = str(header.get("SOPClassUID") or getattr(header, "file_meta", {}).get("MediaStorageSOPClassUID") or "")
    multi_frame, beside = _OTHER_OBJECTS
    if kind.startswith(beside) or "LOCALIZER" in (header.get("ImageType") or ()):
        return None
    if kind in multi_frame or int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(
            "is a multi-frame image, which is not yet supported", source=path, remedy="convert it with dcm2niix -z y"
        )
    modality = str(header.get("Modality") or "CT")
    if modality != "CT":
        raise InputError(f"is an image of modality {modality}, expected CT", source=path)
    if not header.get("Rows") or not header.get("Columns"):
        raise InputError("is a DICOM file without an image", source=path, remedy="copy or download the series again")
    return _slice(header, path)


def _slice(header: Any, path: Path) -> Slice:
    shape = int(header.Columns), int(header.Rows)
    if max(shape) > MAX_SIDE:
        raise InputError(f"would be {shape[0]} x {shape[1]} pixels, no CT is so large", source=path)
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise InputError("is a colour image, not a CT slice", source=path)
    spacing = _numbers(header, "PixelSpacing", 2)
    return Slice(
        path=path,
        series=str(header.get("SeriesInstanceUID") or ""),
        series_number=_whole(header.get("SeriesNumber")),
        instance_number=_whole(header.get("InstanceNumber")),
        uid=str(header.get("SOPInstanceUID") or ""),
        shape=shape,
        position_mm=_numbers(header, "ImagePositionPatient", 3),
        directions=_numbers(header, "ImageOrientationPatient", 6),
        spacing_mm=spacing and spacing[::-1],  # stored as (between rows, between columns)
        thickness_mm=None if header.get("SliceThickness") is None else float(header.SliceThickness),
    )


def _numbers(header: Any, name: str, count: int) -> tuple[float, ...] | None:
    stored = header.get(name)
    if stored is None or stored == "":
        return None
    values = tuple(float(v) for v in stored)
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} numbers, expected {count}")
    return values


def _whole(stored: Any) -> int | None:
    return None if stored is None or stored == "" else int(stored)
