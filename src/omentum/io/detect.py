"""Read a CT in any supported format, detected from its first bytes: an image file, DICOM, or a zip file.

`content_of` is the one decision of what a path is; `omentum doctor` tells it, and `load_volume` acts on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path

from omentum.errors import InputError
from omentum.io.archive.unpack import is_zip, unpacked, without_image
from omentum.io.case_names import IMAGE_SUFFIXES, ZIP_SUFFIX, is_image_name
from omentum.io.dicom.open import is_dicom_file
from omentum.io.dicom.series import read_series
from omentum.io.foreign import refuse_foreign
from omentum.io.images import read_image
from omentum.io.scan_grid import check_assumed
from omentum.io.seg_nrrd.segments import is_seg_nrrd
from omentum.volume import Volume

_LOOKED_AT = 200
"""Number of files of a folder that are checked for a DICOM image."""


class Content(StrEnum):
    """What a file or folder is for the reader of CTs."""

    ZIP = "zip file"
    DICOM = "DICOM"
    """A file, or a folder, which need not hold any."""
    IMAGES = "folder of image files"
    SEG_NRRD = "segmentation of 3D Slicer"
    IMAGE = "image file"
    """Of `omentum.io.images`, or in a format that is not supported."""


def load_volume(
    path: str | Path,
    *,
    volume: int | None = None,
    assume_orientation: str | None = None,
    series: str | None = None,
    allow_tilt: bool = False,
) -> Volume:
    """Read a CT from a file or folder; the format is detected by content, not by name.

    Args:
        path: NIfTI (`.nii`, `.nii.gz`), NRRD (`.nrrd`), MetaImage (`.mha`, `.mhd`), a folder with one DICOM series, a
            multi-frame DICOM file, or a zip file with one of these.
        volume: Index of the volume in a 4D file; see `omentum.io.images.read_image`.
        assume_orientation: Orientation of files that state none; see `omentum.io.images.read_image`.
        series: Which of several DICOM series; see `omentum.io.dicom.series.read_series`.
        allow_tilt: Resample DICOM slices of a tilted gantry; see `omentum.io.dicom.series.read_series`.

    Returns:
        The CT in HU.

    Raises:
        InputError: The path does not exist, is damaged, or has an unsupported format; the remedy says how to convert
            it.
        GeometryError: The geometry is invalid or unknown, or the stated orientation differs from the assumed one.
    """
    path = Path(path)
    match content_of(path):
        case Content.ZIP:
            with ct_in_zip(path) as inner:
                return load_volume(
                    inner, volume=volume, assume_orientation=assume_orientation, series=series, allow_tilt=allow_tilt
                )
        case Content.DICOM:
            found = read_series(path, series=series, allow_tilt=allow_tilt)
        case Content.IMAGES:
            files = image_files(path)
            remedy = f"give the files themselves, such as {files[0].name}"
            reason = f"is a folder with {len(files)} image file(s), not with one CT"
            raise InputError(reason, source=path, remedy=remedy)
        case Content.SEG_NRRD:
            raise InputError("is a segmentation, not a CT", source=path, remedy="give the CT it was drawn on")
        case Content.IMAGE:
            refuse_foreign(path)
            found = read_image(path, volume=volume, assume_orientation=assume_orientation)
    check_assumed(found.grid, assume_orientation, path)
    return found


def content_of(path: Path) -> Content:
    """What a file or folder is; `Content.IMAGE` also for one that is missing or cannot be read."""
    if is_zip(path):
        return Content.ZIP
    if path.is_dir():
        return Content.IMAGES if image_files(path) and not holds_dicom(path) else Content.DICOM
    if is_dicom_file(path):
        return Content.DICOM
    return Content.SEG_NRRD if is_seg_nrrd(path) else Content.IMAGE


@contextmanager
def ct_in_zip(path: Path) -> Iterator[Path]:
    """What a zip file holds, unpacked into a temporary folder: its one image file, or the folder if it holds DICOM.

    Raises:
        InputError: The zip file is damaged, unsafe or too large, or holds neither or several images.
    """
    with unpacked(path) as folder:
        yield ct_in(folder)


def ct_in(folder: Path) -> Path:
    """The one image file anywhere in a folder, or the folder itself if it holds DICOM.

    Raises:
        InputError: It holds neither, or several images.
    """
    if holds_dicom(folder):
        return folder
    places = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    images = [image for place in places for image in image_files(place)]
    if len(images) == 1:
        return images[0]
    if not images:
        raise without_image(sum(path.is_file() for path in folder.rglob("*")), folder)
    remedy = f"give one of them alone, such as {images[0].name}"
    raise InputError(f"holds {len(images)} image files, not one CT", source=folder, remedy=remedy)


def image_files(folder: Path) -> list[Path]:
    """NIfTI, NRRD and MetaImage files directly in a folder, or zip files if there are none, sorted by name.

    Hidden files and `.seg.nrrd` do not count.
    """
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_dir())
    images = [path for path in files if is_image_name(path)]
    return images or [path for path in files if path.name.lower().endswith(ZIP_SUFFIX)]


def holds_dicom(folder: Path) -> bool:
    """Whether a folder or a subfolder contains a DICOM image, judging by its first few files."""
    files = (
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not name.lower().endswith((*IMAGE_SUFFIXES, ZIP_SUFFIX))
    )
    return any(is_dicom_file(path) for path in islice(files, _LOOKED_AT))
