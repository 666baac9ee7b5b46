"""The CT among the files of an upload."""

from __future__ import annotations

from pathlib import Path

from omentum.io.detect import ct_in


def ct_of_upload(files: Path) -> Path:
    """The one file, whatever its name; of several files the one image, or the folder if they are DICOM.

    Raises:
        InputError: they are neither.
    """
    inside = [path for path in files.iterdir() if not path.name.startswith(".")]
    return inside[0] if len(inside) == 1 else ct_in(files)
