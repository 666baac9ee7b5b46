"""Names of cases, from the names of their files and folders."""

from __future__ import annotations

import os
from pathlib import Path

NIFTI_SUFFIXES = (".nii.gz", ".nii")


def is_nifti_name(path: Path) -> bool:
    """Whether a file is called like NIfTI; hidden ones ("._liver_0.nii.gz", packed on a Mac) do not count."""
    return path.name.lower().endswith(NIFTI_SUFFIXES) and not path.name.startswith(".")


def case_name(path: str | Path) -> str:
    """The name of a case: its file without `.nii` and `.gz`, or its folder; bytes that are not UTF-8 are escaped.

    No case is called like a NIfTI file, since its results are a folder of that name.
    """
    name = Path(os.path.normpath(Path(path).absolute())).name  # a link keeps its own name, and `.` gets one
    while name.lower().endswith((".gz", ".nii")) and name.strip(".").lower() not in ("gz", "nii"):
        name = name.rpartition(".")[0]
    name = name.replace(".", "") if name.lower().endswith(NIFTI_SUFFIXES) else name
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)
