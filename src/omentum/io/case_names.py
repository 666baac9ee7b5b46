"""Case names derived from file and folder names."""

from __future__ import annotations

import os
from pathlib import Path

NIFTI_SUFFIXES = (".nii.gz", ".nii")
SEG_NRRD_SUFFIX = ".seg.nrrd"
_OTHER_SUFFIXES = (".nrrd", ".mha", ".mhd")
IMAGE_SUFFIXES = (*NIFTI_SUFFIXES, *_OTHER_SUFFIXES)
DICOM_SUFFIX = ".dcm"
ZIP_SUFFIX = ".zip"
SEGMENTATION_SUFFIXES = (SEG_NRRD_SUFFIX, *IMAGE_SUFFIXES, DICOM_SUFFIX)
"""Of two files for one case the first counts."""


def is_nifti_name(path: Path) -> bool:
    """Whether a file has a NIfTI name; hidden files ("._liver_0.nii.gz", written by macOS) do not count."""
    return path.name.lower().endswith(NIFTI_SUFFIXES) and not path.name.startswith(".")


def is_image_name(path: Path) -> bool:
    """Whether a file has the name of an image in a single file; hidden files and `.seg.nrrd` do not count."""
    name = path.name.lower()
    return name.endswith(IMAGE_SUFFIXES) and not name.endswith(SEG_NRRD_SUFFIX) and not name.startswith(".")


def is_segmentation_name(path: Path) -> bool:
    """Whether a file has the name of a segmentation or label map; hidden files do not count."""
    return path.name.lower().endswith(SEGMENTATION_SUFFIXES) and not path.name.startswith(".")


def case_name(path: str | Path) -> str:
    """Case name: the file name without its suffix, or the folder name; non-UTF-8 bytes are escaped.

    Suffixes are `.nii`, `.gz`, `.nrrd`, `.seg.nrrd`, `.mha`, `.mhd`, `.dcm` and `.zip`.

    A case name never looks like a NIfTI file name, because the results are a folder with that name.
    """
    name = Path(os.path.normpath(Path(path).absolute())).name  # a symbolic link keeps its own name; `.` is resolved
    suffixes = (SEG_NRRD_SUFFIX, *_OTHER_SUFFIXES, DICOM_SUFFIX, ZIP_SUFFIX)
    suffix = next((end for end in suffixes if name.lower().endswith(end)), "")
    if len(name) > len(suffix):
        name = name[: len(name) - len(suffix)]
    while name.lower().endswith((".gz", ".nii")) and name.strip(".").lower() not in ("gz", "nii"):
        name = name.rpartition(".")[0]
    name = name.replace(".", "") if name.lower().endswith(NIFTI_SUFFIXES) else name
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)
