"""Deflated DICOM files (transfer syntax 1.2.840.10008.1.2.1.99, PS3.5 A.5), inflated only as far as is asked for.

The file meta information is plain; the data set after it is one raw deflate stream, whose size nobody states.
"""

from __future__ import annotations

import zlib
from typing import Any, BinaryIO

from omentum.io.dicom.uids import DEFLATED

_LOOKED_AT = 4096
"""Bytes in which the file meta information states the transfer syntax."""


def is_deflated(file: BinaryIO, start: int) -> bool:
    """Whether an open DICOM file is deflated.

    Args:
        file: At any position; at its start afterwards.
        start: Position of the first data element.
    """
    file.seek(0)
    if DEFLATED.encode() not in file.read(_LOOKED_AT):
        file.seek(0)
        return False
    deflated = bool(_meta(file, start).get("TransferSyntaxUID") == DEFLATED)
    file.seek(0)
    return deflated


def inflated(file: BinaryIO, start: int, most_bytes: int) -> bytes:
    """A deflated file as a plain one, no longer than `most_bytes`; see `is_deflated`."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import ExplicitVRLittleEndian

    meta = _meta(file, start)
    deflated = file.read()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plain = DicomBytesIO()
    plain.write(bytes(128) + b"DICM")
    write_file_meta_info(plain, meta, enforce_standard=False)
    plain.write(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, max(1, most_bytes - plain.tell())))
    return plain.getvalue()


def _meta(file: BinaryIO, start: int) -> Any:
    """File meta information; the position is behind it afterwards."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    file.seek(start)
    return FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2))
