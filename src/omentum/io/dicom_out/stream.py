"""Write a DICOM file whose pixel data does not fit into memory at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from isal import isal_zlib

from omentum.atomic import replacing
from omentum.errors import OutputError, silence_library_warnings
from omentum.io.dicom.uids import DEFLATED, EXPLICIT, IMPLICIT
from omentum.io.dicom_out.frames import RAW_DEFLATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

UTF_8 = "ISO_IR 192"
"""Character set of everything written; texts of the series are decoded and encoded again."""
MOST_BYTES = 2**32 - 2
"""Longest value whose length an element can state."""
_PREAMBLE = b"\0" * 128 + b"DICM"
_LEVEL = 1


class _Sink(Protocol):
    def write(self, content: bytes, /) -> Any: ...


class _Deflated:
    """Compresses what is written to a file (PS3.5 A.5: a raw deflate stream)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._stream = file, isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, RAW_DEFLATE)

    def write(self, content: bytes, /) -> None:
        self._file.write(self._stream.compress(content))

    def end(self) -> None:
        self._file.write(self._stream.flush())
        if self._file.tell() % 2:
            self._file.write(b"\0")


def encoded(dataset: Dataset, *, implicit: bool = False) -> bytes:
    """Data elements in little endian, without preamble and file meta information."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = implicit, True
    with silence_library_warnings():
        write_dataset(file, dataset, dataset.get("SpecificCharacterSet") or "iso8859")
    return bytes(file.getvalue())


def sequence(tag: tuple[int, int], items: Iterable[bytes]) -> bytes:
    """A sequence element of encoded items, in explicit little endian, with lengths."""
    content = b"".join(_tag(0xFFFE, 0xE000) + len(item).to_bytes(4, "little") + item for item in items)
    return _tag(*tag) + b"SQ\0\0" + len(content).to_bytes(4, "little") + content


def pixel_header(length: int, kind: bytes, path: Path) -> bytes:
    """Tag, type (OB or OW) and length of pixel data.

    Raises:
        OutputError: They are longer than an element can be.
    """
    if length > MOST_BYTES:
        remedy = "segment fewer classes at a time"
        raise OutputError(f"would hold {length} bytes of masks, DICOM allows {MOST_BYTES}", source=path, remedy=remedy)
    return _tag(0x7FE0, 0x0010) + kind + b"\0\0" + length.to_bytes(4, "little")


def write_stream(path: Path, dataset: Dataset, rest: Iterable[bytes], *, syntax: str = EXPLICIT) -> None:
    """Write a data set followed by already encoded elements, atomically.

    Args:
        path: The file.
        dataset: With `file_meta`; every tag lower than those that follow.
        rest: Encoded elements, in parts of any size.
        syntax: Transfer syntax, also of `rest`.

    Raises:
        OutputError: The file cannot be written.
    """
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID

    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    meta = DicomBytesIO()
    write_file_meta_info(meta, dataset.file_meta, enforce_standard=True)
    with replacing(path) as file:
        file.write(_PREAMBLE + meta.getvalue())
        with _sink(file, syntax == DEFLATED) as sink:
            sink.write(encoded(dataset, implicit=syntax == IMPLICIT))
            for part in rest:
                sink.write(part)


@contextmanager
def _sink(file: BinaryIO, deflate: bool) -> Iterator[_Sink]:
    if not deflate:
        yield file
        return
    sink = _Deflated(file)
    yield sink
    sink.end()


def _tag(group: int, element: int) -> bytes:
    return group.to_bytes(2, "little") + element.to_bytes(2, "little")
