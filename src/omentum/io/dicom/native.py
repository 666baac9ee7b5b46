"""Stored values of uncompressed images, read from their place in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.io.dicom.damage import DamagedHeaderError
from omentum.io.dicom.deflated import inflated
from omentum.io.dicom.open import HEAD, first_element
from omentum.io.dicom.slices import Encoding, Slice
from omentum.io.dicom.uids import DEFLATED, UNCOMPRESSED


def is_native(encoding: Encoding) -> bool:
    """Whether `NativeReader` reads such an image; 8-bit big-endian ones, which nobody writes, are left to pydicom."""
    return encoding.syntax in UNCOMPRESSED and (encoding.is_little or encoding.bits_allocated > 8)


def lacking_bytes(one: Slice) -> str | None:
    """Why the stated pixel data of an uncompressed image cannot hold it, judging by the header; None if it can."""
    encoding = one.encoding
    needed = encoding.frame_bytes * encoding.n_frames
    if encoding.length is None:
        return "compressed pixel data where the header says uncompressed"
    if encoding.length < needed:
        return f"{encoding.length} of {needed} bytes"
    return None


class NativeReader:
    """Reads uncompressed images; keeps the last deflated file inflated, for its next frame."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._content = b""

    def stored(self, one: Slice) -> NDArray[Any]:
        """Stored values of a slice, shape (rows, columns).

        Raises:
            OSError: The file cannot be read.
            DamagedHeaderError, zlib.error: It ends too early.
        """
        encoding = one.encoding
        assert encoding.at is not None
        start = encoding.at + one.frame_index * encoding.frame_bytes
        if encoding.syntax == DEFLATED:
            found = self._inflated(one.path, encoding.at + encoding.n_frames * encoding.frame_bytes)
            content = found[start : start + encoding.frame_bytes]
        else:
            with one.path.open("rb") as file:
                file.seek(start)
                content = file.read(encoding.frame_bytes)
        if len(content) < encoding.frame_bytes:
            raise DamagedHeaderError(f"{len(content)} of {encoding.frame_bytes} bytes")
        return _values(content, encoding)

    def _inflated(self, path: Path, most_bytes: int) -> bytes:
        if path != self._path:
            with path.open("rb") as file:
                self._content = inflated(file, first_element(file.read(HEAD)), most_bytes)
            self._path = path
        return self._content


def _values(content: bytes, encoding: Encoding) -> NDArray[Any]:
    kind, size = "i" if encoding.is_signed else "u", encoding.bits_allocated // 8
    columns, rows = encoding.shape
    order = "<" if encoding.is_little else ">"
    values = np.frombuffer(content, f"{order}{kind}{size}").reshape(rows, columns)
    return without_other_bits(values.astype(values.dtype.newbyteorder("="), copy=False), encoding)


def without_other_bits(values: NDArray[Any], encoding: Encoding) -> NDArray[Any]:
    """Only the stored bits count: others may hold overlays or garbage (PS3.5 8.1.1)."""
    above = encoding.bits_allocated - 1 - encoding.high_bit
    outside = encoding.bits_allocated - encoding.bits_stored
    return (values << above) >> outside if outside else values
