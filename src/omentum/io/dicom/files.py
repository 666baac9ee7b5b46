"""Find the DICOM files of a folder and read their headers; pixels are not read.

Files are classified by content, never by name or suffix; a DICOMDIR is ignored. Files that are certainly not images
(text, dose reports, segmentation objects) are skipped. Files that may matter (damaged files, other modalities,
localizers) are returned as `Other` for the series selection. Messages never contain patient names, dates or UIDs.
"""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from omentum.errors import InputError, MissingDependencyError, silence_library_warnings
from omentum.io.dicom.damage import damage_errors, told
from omentum.io.dicom.images import slices_or_other
from omentum.io.dicom.open import HEAD, looks_like_dicom, read_header
from omentum.io.dicom.slices import AGAIN, Other, Slice

NO_DICOM = "file that is no DICOM"
"""Of `Other`: worth a word only where it is called like the slices, and so was one once."""

_READERS = 4
"""Threads: a network folder answers several at once; parsing itself gains nothing."""


def find_slices(place: Path) -> tuple[list[Slice], list[Other]]:
    """Headers of all CT slices in a file, or in a folder and its subfolders, and other files that may matter.

    Raises:
        InputError: The path does not exist, or a file cannot be read.
        MissingDependencyError: pydicom is not installed.
    """
    if importlib.util.find_spec("pydicom") is None:
        raise MissingDependencyError("reading DICOM needs pydicom", remedy="pip install 'omentum[dicom]'")
    if not place.exists():
        raise InputError("does not exist", source=place)
    paths = _files(place) if place.is_dir() else [place]
    with silence_library_warnings(), ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(_read_file, paths))
    slices = [one for read in found if not isinstance(read, Other) for one in read]
    return slices, [one for one in found if isinstance(one, Other) and (slices or one.what != NO_DICOM)]


def _files(folder: Path) -> list[Path]:
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name.upper() != "DICOMDIR"
    )


def _read_file(path: Path) -> Sequence[Slice] | Other:
    """The slices in a file, or another possibly relevant object; nothing if it is certainly irrelevant."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would block forever
            return ()
        with path.open("rb") as file:
            head = file.read(HEAD)
            if not any(head):
                return Other(path, "empty file", InputError("is empty or all zeros", source=path, remedy=AGAIN))
            if not looks_like_dicom(head):
                return Other(path, NO_DICOM, InputError("is no DICOM file", source=path, remedy=AGAIN))
            file.seek(0)
            header = read_header(file)
        return slices_or_other(header, path)
    except OSError as fault:
        if not path.exists():  # a link that leads nowhere, or to itself
            return Other(path, "broken link", InputError(fault.strerror or "does not exist", source=path))
        raise InputError(fault.strerror or "ends too early", source=path) from fault
    except damage_errors() as fault:
        reason = f"is a damaged DICOM file ({told(fault)})"
        return Other(path, "damaged file", InputError(reason, source=path, remedy=AGAIN))
