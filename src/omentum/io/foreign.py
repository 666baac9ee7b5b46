"""Identify files in formats that are not supported by their first bytes, and suggest a remedy."""

from __future__ import annotations

import stat
from pathlib import Path

from omentum.errors import InputError
from omentum.io.images import HEAD_BYTES, unpacked

CONVERT = "convert it with dcm2niix -z y"
_NIBABEL = 'nib.save(nib.load("{name}"), "ct.nii.gz") of the Python package nibabel makes it one that can be read'

_MAGICS = (
    (b"\x89HDF", "an HDF5 or MINC file", "convert it to .nii.gz"),
    (b"BZh", "compressed with bzip2", "bunzip2 {name}"),
    (b"\xfd7zXZ", "compressed with xz", "unxz {name}"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unzstd {name}"),
    (b"7z\xbc\xaf", "a 7z archive", f"unpack it; DICOM: {CONVERT}"),
    (b"Rar!", "a RAR archive", f"unpack it; DICOM: {CONVERT}"),
    (b"\x89PNG", "a picture", "a CT is needed, in HU: NIfTI, NRRD, MetaImage or a DICOM series"),
    (b"\xff\xd8\xff", "a picture", "a CT is needed, in HU: NIfTI, NRRD, MetaImage or a DICOM series"),
)
_TAR, _TAR_AT = b"ustar", 257
_META_DATA = (".raw", ".zraw")
_MGH_VERSION = b"\x00\x00\x00\x01"
_PAIR = (b"ni1\x00", b"ni2\x00")
_ANALYZE_SIZES = (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")


def refuse_foreign(path: Path) -> None:
    """Refuse a file that is certainly in another format than those of `omentum.io.images`.

    Raises:
        InputError: The path is another kind of file, not a regular file, or unreadable; the remedy depends on the kind.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would block forever
            raise InputError("is a pipe or device, not a file", source=path, remedy="write it to a file first")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    for magic, what, remedy in _MAGICS:
        if head.startswith(magic):
            raise InputError(f"is {what}, which is not supported", source=path, remedy=remedy.format(name=path.name))
    content = unpacked(head)
    if content[_TAR_AT:].startswith(_TAR):
        remedy = "unpack it, or make it a zip file"
        raise InputError("is a tar archive, which is not supported", source=path, remedy=remedy)
    header = path.with_suffix(".mhd")
    if path.suffix.lower() in _META_DATA and header.is_file():
        raise InputError("holds voxels without a header", source=path, remedy=f"give its header, {header.name}")
    if kind := _of_nibabel(path, content):
        raise InputError(f"is {kind}, which is not supported", source=path, remedy=_NIBABEL.format(name=path.name))


def _of_nibabel(path: Path, head: bytes) -> str | None:
    """Name of a format that nibabel supports but we do not."""
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind in ("mgz", "mgh") and head.startswith(_MGH_VERSION):
        return "a FreeSurfer image"
    if head[344:348] in _PAIR:
        return "the header of a pair of files (.hdr and .img)"
    if kind == "hdr" and head[:4] in _ANALYZE_SIZES:
        return "an Analyze header"
    if kind == "img" and any(path.with_name(path.name[:-4] + end).exists() for end in (".hdr", ".HDR")):
        return "one of a pair of files (.hdr and .img)"
    return None
