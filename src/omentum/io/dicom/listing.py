"""List the series among DICOM files by their headers: for messages to people, never for reading voxels."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.open import HEAD, looks_like_dicom, open_dicom

DAMAGED, OTHER = "damaged", "other"
UNKNOWN = "unknown"
DIRECTORY = "1.2.840.10008.1.3.10"
"""Storage class of a DICOMDIR."""
_TAGS = [
    *("SOPClassUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"),
]


@dataclass(frozen=True)
class SeriesFacts:
    """What a series is, without anything that identifies a patient.

    Args:
        number: Series number; None if missing.
        modality: e.g. CT, MR, SEG, SR; "?" if missing.
        kind: Name of the storage class.
        files: Number of files.
        images: Number of images; a multi-frame file has several.
        matrix: Columns and rows; None without images, or if they differ.
        spacing_mm: Between columns, rows and slices; None where not stated or not even.
        transfer_syntaxes: Names of how the files are encoded.
    """

    number: int | None
    modality: str
    kind: str
    files: int
    images: int
    matrix: tuple[int, int] | None
    spacing_mm: tuple[float | None, float | None, float | None]
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class DicomContents:
    """What DICOM files there are.

    Args:
        series: Every series, those with most images first.
        damaged: Number of DICOM files that cannot be read.
        others: Number of files that are not DICOM.
    """

    series: tuple[SeriesFacts, ...]
    damaged: int
    others: int


def list_series(place: Path) -> DicomContents:
    """Read the headers of a file, or of all files in a folder and its subfolders.

    Raises:
        MissingDependencyError, ModuleNotFoundError: pydicom is not installed.
    """
    counts: Counter[str] = Counter()
    by_series: dict[str, list[Any]] = {}
    for path in _files(place):
        header = _header(path)
        if isinstance(header, str):
            counts[header] += 1
        else:
            by_series.setdefault(str(header.get("SeriesInstanceUID") or ""), []).append(header)
    found = sorted((_facts(headers) for headers in by_series.values()), key=lambda s: (-s.images, s.number or 0))
    return DicomContents(tuple(found), counts[DAMAGED], counts[OTHER])


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _header(path: Path) -> Any:
    """The header, or why there is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return OTHER
        with path.open("rb") as file:
            if not looks_like_dicom(file.read(HEAD)):
                return OTHER
        header = open_dicom(path, pixels=False, tags=_TAGS)
        return OTHER if header.file_meta.get("MediaStorageSOPClassUID") == DIRECTORY else header
    except OSError:
        return DAMAGED
    except damage_errors():
        return DAMAGED


def _facts(headers: list[Any]) -> SeriesFacts:
    first = headers[0]
    matrices = {(int(h.get("Columns") or 0), int(h.get("Rows") or 0)) for h in headers}
    matrix = matrices.pop() if len(matrices) == 1 else None
    return SeriesFacts(
        number=_whole(first.get("SeriesNumber")),
        modality=str(first.get("Modality") or "?")[:16],
        kind=_name(first.get("SOPClassUID")),
        files=len(headers),
        images=sum(_whole(h.get("NumberOfFrames")) or 1 for h in headers),
        matrix=matrix if matrix and all(matrix) else None,
        spacing_mm=(*_in_plane(headers), _step(headers)),
        transfer_syntaxes=tuple(sorted({_name(h.file_meta.get("TransferSyntaxUID")) for h in headers})),
    )


def _in_plane(headers: list[Any]) -> tuple[float | None, float | None]:
    spacings = {_numbers(h.get("PixelSpacing"), 2) for h in headers}
    only = spacings.pop() if len(spacings) == 1 else None
    return (None, None) if only is None else (only[1], only[0])  # stored as (between rows, between columns)


def _step(headers: list[Any]) -> float | None:
    """Distance of the slices along their normal; None if it is not even, or unknown."""
    directions, positions = _numbers(headers[0].get("ImageOrientationPatient"), 6), []
    for header in headers:
        if directions is None or (position := _numbers(header.get("ImagePositionPatient"), 3)) is None:
            return None
        positions.append(np.dot(position, np.cross(directions[:3], directions[3:])))
    gaps = np.diff(np.sort(positions))
    if not len(gaps):
        thickness = _numbers([headers[0].get("SliceThickness")], 1)
        return None if thickness is None or thickness[0] <= 0 else thickness[0]
    even = np.ptp(gaps) <= max(0.01 * float(np.median(gaps)), 0.01)
    return round(float(np.median(gaps)), 4) if even else None


def _numbers(stored: Any, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(v) for v in stored)
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and np.isfinite(values).all() else None


def _whole(stored: Any) -> int | None:
    try:
        return int(stored)
    except (TypeError, ValueError):
        return None


def _name(uid: Any) -> str:
    """A registered name; private UIDs may identify a site and are not shown."""
    name = getattr(uid, "name", "") if uid else ""
    return name if name and name != str(uid) else UNKNOWN
