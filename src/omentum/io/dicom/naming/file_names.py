"""What the file names of a series have in common."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


def name_pattern(name: str) -> str:
    """A file name without its decimal and hexadecimal numbers: the same for the files of a series, damaged or not."""
    return _NUMBER.sub("#", name.lower())
