"""Which files of a CT are sent, and under which names: none that could name a patient."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omentum.errors import InputError
from omentum.io.case_names import DICOM_SUFFIX, IMAGE_SUFFIXES, ZIP_SUFFIX
from omentum.io.dicom.open import HEAD, looks_like_dicom
from omentum.io.metaimage.data_file import HEADER_SUFFIX, MOST_HEADER_BYTES, named_data_file


@dataclass(frozen=True)
class SentFile:
    """A file to be sent.

    Args:
        path: Where it is.
        name: Its name on the service.
        bytes: Its size.
    """

    path: Path
    name: str
    bytes: int


def files_of(path: str | Path) -> list[SentFile]:
    """The files of a CT.

    A file is sent as `ct` with its suffix, a DICOM folder as numbered files without what is no DICOM in it, and a
    MetaImage header with its data file under their own names, because the header names the other.

    Raises:
        InputError: there is nothing to send, or it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            found = list(_dicom_files(path))
        elif path.name.lower().endswith(HEADER_SUFFIX):
            found = [_sent(path, path.name), *_data_file(path)]
        else:
            found = [_sent(path, f"ct{_suffix(path)}")]
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    if not found:
        remedy = "give a NIfTI, NRRD, MetaImage or zip file, or the folder of a DICOM series"
        raise InputError("holds no DICOM files", source=path, remedy=remedy)
    return found


def _sent(path: Path, name: str) -> SentFile:
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise InputError("is a pipe or device, not a file", source=path)
    return SentFile(path, name, state.st_size)


def _suffix(path: Path) -> str:
    """The suffix by which the service chooses a reader; "" lets it look at the content alone."""
    known = (*IMAGE_SUFFIXES, DICOM_SUFFIX, ZIP_SUFFIX)
    return next((suffix for suffix in known if path.name.lower().endswith(suffix)), "")


def _dicom_files(folder: Path) -> Iterator[SentFile]:
    number = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "DICOMDIR" and not path.name.startswith("."):
            with path.open("rb") as file:
                is_dicom = looks_like_dicom(file.read(HEAD))
            if is_dicom:
                number += 1
                yield _sent(path, f"{number:06d}{DICOM_SUFFIX}")


def _data_file(header: Path) -> Iterator[SentFile]:
    """The data file beside a MetaImage header; the service says what is wrong with a header that names none."""
    with header.open("rb") as file:
        name = named_data_file(file.read(MOST_HEADER_BYTES))
    if name is not None and (header.parent / name).is_file():
        yield _sent(header.parent / name, name)
