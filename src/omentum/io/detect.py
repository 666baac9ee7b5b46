"""What a file is, by its first bytes and never by its name; so far only NIfTI can be read."""

from __future__ import annotations

import zipfile
from pathlib import Path

from omentum.errors import InputError
from omentum.io.nifti import read_volume
from omentum.volume import Volume

CONVERT = "convert it with dcm2niix -z y"

_MAGICS = (
    (128, b"DICM", "a DICOM file", CONVERT),
    (0, b"NRRD", "an NRRD file", "convert it to .nii.gz"),
    (0, b"ObjectType", "a MetaImage file", "convert it to .nii.gz"),
    (0, b"\x89HDF", "an HDF5 or MINC file", "convert it to .nii.gz"),
)


def load_volume(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT from a file, whatever it is called.

    Args:
        path: `.nii` or `.nii.gz`.
        volume, assume_orientation: See `omentum.io.nifti.read_volume`.

    Raises:
        InputError: not there, damaged, or in a format that cannot be read yet; the remedy says how to convert it.
        GeometryError: impossible or unknown geometry.
    """
    path = Path(path)
    _refuse_foreign(path)
    return read_volume(path, volume=volume, assume_orientation=assume_orientation)


def case_name(path: str | Path) -> str:
    """The name of a case: its file without `.nii`, `.nii.gz`."""
    name = Path(path).name
    for suffix in (".gz", ".nii"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name


def _refuse_foreign(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError("is a folder; DICOM series are not yet supported", source=path, remedy=CONVERT)
        with path.open("rb") as file:
            head = file.read(256)
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    for offset, magic, what, remedy in _MAGICS:
        if head[offset:].startswith(magic):
            raise InputError(f"is {what}, which is not yet supported", source=path, remedy=remedy)
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        raise InputError("is a zip archive, which is not yet supported", source=path, remedy=f"unpack it, {CONVERT}")
