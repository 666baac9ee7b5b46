"""Names of cases, from the names of their files and folders."""

from __future__ import annotations

import os
from pathlib import Path

NIFTI_SUFFIXES = (".nii.gz", ".nii")
SEG_NRRD_SUFFIX = ".seg.nrrd"
SEGMENTATION_SUFFIXES = (SEG_NRRD_SUFFIX, *NIFTI_SUFFIXES)
"""Of two files for one case the first counts."""


def is_nifti_name(path: Path) -> bool:
    """Whether a file is called like NIfTI; hidden ones ("._liver_0.nii.gz", packed on a Mac) do not count."""
    return path.name.lower().endswith(NIFTI_SUFFIXES) and not path.name.startswith(".")


def is_segmentation_name(path: Path) -> bool:
    """Whether a file is called like all masks or like a label map; hidden ones do not count."""
    return path.name.lower().endswith(SEGMENTATION_SUFFIXES) and not path.name.startswith(".")


def case_name(path: str | Path) -> str:
    """The name of a case: its file without `.nii`, `.gz` or `.seg.nrrd`, or its folder; bytes not in UTF-8 are escaped.

    No case is called like a NIfTI file, since its results are a folder of that name.
    """
    name = Path(os.path.normpath(Path(path).absolute())).name  # a link keeps its own name, and `.` gets one
    if name.lower().endswith(SEG_NRRD_SUFFIX) and len(name) > len(SEG_NRRD_SUFFIX):
        name = name[: -len(SEG_NRRD_SUFFIX)]
    while name.lower().endswith((".gz", ".nii")) and name.strip(".").lower() not in ("gz", "nii"):
        name = name.rpartition(".")[0]
    name = name.replace(".", "") if name.lower().endswith(NIFTI_SUFFIXES) else name
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)
