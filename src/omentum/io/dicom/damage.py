"""Errors that damaged DICOM headers cause in pydicom, and the one whose text may be shown."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache


class DamagedHeaderError(ValueError):
    """A header is damaged; its text holds no value of the header, which might identify the patient."""


@lru_cache
def damage_errors() -> tuple[type[Exception], ...]:
    """What pydicom raises at damaged headers. The texts may quote any value."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        *(ValueError, TypeError, AttributeError, LookupError, EOFError, NotImplementedError, OverflowError),
        *(AssertionError, RecursionError, MemoryError, struct.error, zlib.error),
        *(BytesLengthException, InvalidDicomError),
    )


def told(fault: BaseException) -> str:
    """What a message may say of an error: its text if it quotes nothing from the file, else only its type."""
    if isinstance(fault, DamagedHeaderError):
        return " ".join(str(fault).split())
    kind = type(fault)
    return f"{kind.__module__}.{kind.__name__}" if kind.__name__ == "error" else kind.__name__
