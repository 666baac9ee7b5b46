"""Read an image of any supported file format; the format is detected from the first bytes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from isal import igzip_lib

from omentum.io.metaimage import header as metaimage
from omentum.io.metaimage.read import read_metaimage
from omentum.io.nifti import read_volume
from omentum.io.nrrd import header as nrrd
from omentum.io.nrrd.read import read_nrrd
from omentum.io.source import GZIP_MAGIC
from omentum.volume import Volume

HEAD_BYTES = 352
"""So much of a file is looked at: the header of NIfTI-1."""


class ImageFormat(StrEnum):
    """A file format of images."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"


_READERS = {ImageFormat.NIFTI: read_volume, ImageFormat.NRRD: read_nrrd, ImageFormat.METAIMAGE: read_metaimage}


def read_image(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT, label map or any other 3D image from a file.

    Args:
        path: NIfTI (`.nii`, `.nii.gz`), NRRD (`.nrrd`) or MetaImage (`.mha`, `.mhd`), whatever its name.
        volume: Index of the volume in a 4D file, from 0; required if there are several.
        assume_orientation: Axis directions such as "RAS" for a file that states none.

    Returns:
        Voxels and affine as stored; see `read_volume`, `read_nrrd` and `read_metaimage`.

    Raises:
        InputError: The file is missing, damaged, in another format, or not a single real 3D image.
        GeometryError: The geometry is invalid or unknown.
    """
    read = _READERS[format_of(Path(path))]
    return read(path, volume=volume, assume_orientation=assume_orientation)


def format_of(path: Path) -> ImageFormat:
    """Format of a file; NIfTI for anything unknown or unreadable, which its reader then refuses."""
    try:
        if not path.is_file():
            return ImageFormat.NIFTI
        with path.open("rb") as file:
            head = unpacked(file.read(HEAD_BYTES))
    except OSError:
        return ImageFormat.NIFTI
    if head.startswith(nrrd.MAGIC):
        return ImageFormat.NRRD
    return ImageFormat.METAIMAGE if metaimage.MAGIC.match(head) else ImageFormat.NIFTI


def unpacked(head: bytes) -> bytes:
    """The first bytes of a file, decompressed if it is gzip; damage is reported later by the reader."""
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return bytes(igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP).decompress(head, HEAD_BYTES))
    except igzip_lib.IsalError:  # type: ignore[misc]  # typed as an instance in its stub
        return head
