"""Open one DICOM file, with or without the 128-byte preamble and "DICM" prefix.

Some archives and scripts strip the preamble. Such a file is accepted as DICOM if its first data element is valid.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from omentum.errors import silence_library_warnings

PREAMBLE = 128
MAGIC = b"DICM"
HEAD = 256
"""Bytes of a file that are inspected."""
FIRST_GROUPS = (0x0002, 0x0008)
LONGEST_FIRST = 1024
"""Bytes of the value of the first element of a data set whose lengths have no type beside them."""

_VALUE_TYPES = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV"


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file starting with these bytes may be DICOM; see `HEAD`."""
    if head[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return True
    return _is_element(head[4:] if head.startswith(MAGIC) else head)


def open_dicom(path: Path, *, pixels: bool = True, tags: Sequence[str] | None = None) -> Any:
    """Read a data set as a `pydicom.Dataset` with its transfer syntax.

    Warnings of pydicom are suppressed: real damage becomes visible when values are used.

    Args:
        path: The file.
        pixels: Whether to read the pixel data.
        tags: Read only these elements.

    Raises:
        OSError, ValueError, EOFError and other errors of pydicom: The data set is invalid.
    """
    with path.open("rb") as file:
        return _parsed(_from_data_set(file), pixels, tags)


def header_bytes(path: Path) -> bytes:
    """The part of a DICOM file before its pixel data; it can be read again by `dataset_without_pixels`.

    Raises:
        OSError, ValueError, EOFError and other errors of pydicom: The data set is invalid.
    """
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    with path.open("rb") as file:
        source = _from_data_set(file)
        header = _parsed(source, pixels=False, tags=None)
        if header.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
            whole = BytesIO()
            header.save_as(whole)
            return whole.getvalue()
        end = source.tell()
        source.seek(0)
        return source.read(end)


def dataset_without_pixels(file: BinaryIO) -> Any:
    """Read a data set as `open_dicom` does, up to the pixel data."""
    return _parsed(file, pixels=False, tags=None)


def _from_data_set(file: BinaryIO) -> BinaryIO:
    """The file, or its content after a prefix without a preamble."""
    source = BytesIO(file.read()) if file.read(len(MAGIC)) == MAGIC else file
    source.seek(0)
    return source


def _parsed(source: BinaryIO, pixels: bool, tags: Sequence[str] | None) -> Any:
    import pydicom
    from pydicom.uid import UID

    with silence_library_warnings():
        wanted = None if tags is None else list(tags)
        header = pydicom.dcmread(source, stop_before_pixels=not pixels, force=True, specific_tags=wanted)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = UID(_syntax_as_read(header))
    return header


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
