"""The data file that a MetaImage header names, found without judging the header."""

from __future__ import annotations

from pathlib import PurePath

HEADER_SUFFIX = ".mhd"
"""Of a header whose voxels are in a file of their own."""
MOST_HEADER_BYTES = 1 << 16

_KEY = b"ElementDataFile"


def named_data_file(head: bytes) -> str | None:
    """Bare name of the file with the voxels; None if the header names none, or one in another folder.

    Args:
        head: The file from its beginning, up to `MOST_HEADER_BYTES`.
    """
    line = head.partition(_KEY)[2].partition(b"=")[2].splitlines()
    name = line[0].strip().decode("utf-8", "replace") if line else ""
    return name if name and PurePath(name).name == name else None
