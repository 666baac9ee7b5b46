"""What an input is, by its first bytes and never by its name: a NIfTI file, or a folder with a DICOM series."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from omentum.errors import InputError
from omentum.io.dicom_series import read_series
from omentum.io.nifti import read_volume
from omentum.volume import Volume

CONVERT = "convert it with dcm2niix -z y"

_MAGICS = (
    (b"NRRD", "an NRRD file", "convert it to .nii.gz"),
    (b"ObjectType", "a MetaImage file", "convert it to .nii.gz"),
    (b"\x89HDF", "an HDF5 or MINC file", "convert it to .nii.gz"),
)


def load_volume(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT from a file or folder, whatever it is called.

    Args:
        path: `.nii`, `.nii.gz`, or a folder that holds one DICOM series.
        volume, assume_orientation: Of a NIfTI file, see `omentum.io.nifti.read_volume`.

    Raises:
        InputError: not there, damaged, or in a format that cannot be read yet; the remedy says how to convert it.
        GeometryError: impossible or unknown geometry.
    """
    path = Path(path)
    if path.is_dir():
        return read_series(path)
    _refuse_foreign(path)
    return read_volume(path, volume=volume, assume_orientation=assume_orientation)


def case_name(path: str | Path) -> str:
    """The name of a case: its file without `.nii`, `.nii.gz`, or its folder."""
    name = os.path.basename(os.path.abspath(path))  # a link keeps its own name, and `.` gets one
    for suffix in (".gz", ".nii"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name


def _refuse_foreign(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    if head[128:].startswith(b"DICM"):
        raise InputError("is a single DICOM file", source=path, remedy="give the folder that holds its whole series")
    for magic, what, remedy in _MAGICS:
        if head.startswith(magic):
            raise InputError(f"is {what}, which is not yet supported", source=path, remedy=remedy)
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        raise InputError("is a zip archive, which is not yet supported", source=path, remedy=f"unpack it, {CONVERT}")
