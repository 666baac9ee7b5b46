"""Parse one DICOM file, with or without the 128-byte preamble and "DICM" prefix, deflated or not.

Some archives and scripts strip the preamble. Such a file is accepted as DICOM if its first data element is valid.
Nothing is allocated because a header says so: values end where the file ends, and a deflated data set is inflated only
as far as it is needed.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from omentum.errors import silence_library_warnings
from omentum.io.dicom.damage import DamagedHeaderError
from omentum.io.dicom.deflated import inflated, is_deflated
from omentum.io.dicom.uids import DEFLATED

PREAMBLE = 128
MAGIC = b"DICM"
HEAD = 256
"""Bytes of a file that are inspected."""
FIRST_GROUPS = (0x0002, 0x0008)
LONGEST_FIRST = 1024
"""Bytes of the value of the first element of a data set whose lengths have no type beside them."""
LONGEST_HEADER = 64 << 20
"""Bytes before the pixel data; the per-frame attributes of 10,000 frames take less."""
LONGEST_PIXELS = 1 << 32
"""Bytes of pixel data whose length is stated (PS3.5, 7.1)."""

_VALUE_TYPES = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV"
_PIXEL_DATA = (0x7FE0, 0x0010)
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class ParsedHeader:
    """A data set up to its pixel data.

    Args:
        dataset: `pydicom.Dataset` with `file_meta`, without pixel data.
        content: The same as the bytes of a DICOM file, of a deflated one inflated.
        pixels_at: Position of the pixel data in the file (of a deflated one: in the inflated file); None without any.
        pixels_length: Stated length of the pixel data in bytes; None if undefined, as for compressed images.
        is_deflated: Whether the file is deflated, which `dataset` and `content` no longer say.
    """

    dataset: Any
    content: bytes
    pixels_at: int | None
    pixels_length: int | None
    is_deflated: bool = False


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file starting with these bytes may be DICOM; see `HEAD`."""
    if head[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return True
    return _is_element(head[4:] if head.startswith(MAGIC) else head)


def is_dicom_file(path: str | Path) -> bool:
    """Whether a regular file starts like DICOM; False if it cannot be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a named pipe would block forever
            return False
        with Path(path).open("rb") as file:
            return looks_like_dicom(file.read(HEAD))
    except OSError:
        return False


def read_header(file: BinaryIO) -> ParsedHeader:
    """Parse a file up to its pixel data.

    Warnings of pydicom are suppressed: real damage becomes visible when values are used.

    Raises:
        OSError, ValueError, EOFError and other errors of pydicom: The data set is invalid.
    """
    start = first_element(file.read(HEAD))
    if not is_deflated(file, start):
        return _read_header(file, start)
    content = inflated(file, start, LONGEST_HEADER)
    header = _read_header(BytesIO(content), first_element(content))
    if header.pixels_at is None and len(content) >= LONGEST_HEADER:
        raise DamagedHeaderError(f"inflates to more than {LONGEST_HEADER} bytes without pixel data")
    return replace(header, is_deflated=True)


def open_dicom(path: Path, *, pixels: bool = True, tags: Sequence[str] | None = None) -> Any:
    """Read a data set as a `pydicom.Dataset` with its transfer syntax; a deflated one is inflated as far as needed.

    Args:
        path: The file.
        pixels: Whether to read the pixel data.
        tags: Read only these elements.

    Raises:
        OSError, ValueError, EOFError and other errors of pydicom: The data set is invalid.
    """
    with path.open("rb") as file:
        start = first_element(file.read(HEAD))
        if is_deflated(file, start):
            return _open_deflated(file, start, pixels=pixels, tags=tags)
        return _parsed(_after_prefix(file) if start == len(MAGIC) else file, pixels=pixels, tags=tags)


def storage_class(dataset: Any) -> str:
    """UID of the storage class, of the data set or of its file; "" if neither states one."""
    return str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")


def dataset_of(content: bytes) -> Any:
    """Parse what `ParsedHeader.content` holds."""
    return _parsed(BytesIO(content), pixels=False)


def first_element(head: bytes) -> int:
    """Position of the first data element of a file that begins so."""
    return PREAMBLE + len(MAGIC) if head[PREAMBLE:].startswith(MAGIC) else len(MAGIC) * head.startswith(MAGIC)


def _open_deflated(file: BinaryIO, start: int, *, pixels: bool, tags: Sequence[str] | None) -> Any:
    """Inflate the header, and after it no more than the pixels that it describes."""
    from pydicom.uid import UID

    header = read_header(file)
    content = header.content
    if pixels and header.pixels_at is not None:
        needed = bytes_of_pixels(header.dataset)
        if header.pixels_length is None or header.pixels_length > min(needed + 1, LONGEST_PIXELS):
            raise DamagedHeaderError(f"would inflate to more than the {needed} bytes of its pixels")
        file.seek(0)
        content = inflated(file, start, header.pixels_at + header.pixels_length)
    dataset = _parsed(BytesIO(content), pixels=pixels, tags=tags)
    dataset.file_meta.TransferSyntaxUID = UID(DEFLATED)
    return dataset


def bytes_of_pixels(dataset: Any) -> int:
    """Bytes that all frames of an uncompressed image take, without the padding to an even number."""
    pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("NumberOfFrames") or 1)
    return -(-pixels * int(dataset.get("SamplesPerPixel") or 1) * int(dataset.BitsAllocated) // 8)


def _read_header(file: BinaryIO, start: int) -> ParsedHeader:
    left_out = 0
    if start == len(MAGIC):
        file, start, left_out = _after_prefix(file), 0, start
    dataset = _parsed(file, pixels=False)
    end = file.tell()
    if end > LONGEST_HEADER:
        raise DamagedHeaderError(f"{end} bytes before the pixel data")
    at, length = _pixel_element(file.read(12), dataset)
    file.seek(start)
    content = bytes(PREAMBLE) + MAGIC + file.read(end - start)
    return ParsedHeader(dataset, content, None if at is None else left_out + end + at, length)


def _after_prefix(file: BinaryIO) -> BinaryIO:
    """A file with the prefix "DICM" but no preamble, which pydicom does not know, without the prefix."""
    file.seek(len(MAGIC))
    return BytesIO(file.read())


def _parsed(file: BinaryIO, *, pixels: bool, tags: Sequence[str] | None = None) -> Any:
    import pydicom
    from pydicom.uid import UID

    file.seek(0)
    with silence_library_warnings():
        wanted = None if tags is None else list(tags)
        header = pydicom.dcmread(file, stop_before_pixels=not pixels, force=True, specific_tags=wanted)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = UID(_syntax_as_read(header))
    return header


def _pixel_element(head: bytes, dataset: Any) -> tuple[int | None, int | None]:
    """Where the value begins behind the start of the pixel data element, and its length."""
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    if len(head) < 12 or struct.unpack(f"{order}HH", head[:4]) != _PIXEL_DATA:
        return None, None
    at = 8 if implicit else 12
    (length,) = struct.unpack(f"{order}I", head[at - 4 : at])
    return at, None if length == _UNDEFINED else length


def _is_element(head: bytes) -> bool:
    """Whether a data set starts here: first group, and a value representation or a plausible length."""
    if len(head) < 8:
        return False
    for order in "<>":
        group, _, kind, length = struct.unpack(f"{order}HH2sH", head[:8])
        if group not in FIRST_GROUPS:
            continue
        if kind.isalpha() and kind.decode("latin-1") in _VALUE_TYPES:
            return True
        (length,) = struct.unpack(f"{order}I", head[4:8])
        if order == "<" and group == FIRST_GROUPS[1] and length <= LONGEST_FIRST and length % 2 == 0:
            return True
    return False


def _syntax_as_read(header: Any) -> str:
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = header.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian
