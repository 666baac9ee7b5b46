"""What is told of a case whose files may not be named: the same messages, without the names of its file and folders."""

from __future__ import annotations

import os
import re
from pathlib import Path

from omentum.errors import printable

UNNAMED = "[file]"
"""Stands for a file in the folder of a case."""
_TELLS_NOTHING = re.compile(r"\d{1,5}|[A-Za-z]{1,3}")
"""Names of files that say nothing of anybody, and occur in messages for other reasons: 12, CT."""


def without_names(message: str, source: Path, case: str) -> str:
    """A message about a case as it may be written.

    Args:
        message: May name the file, its folders, and (of a folder) files and folders in it.
        source: File or folder of the case.
        case: What it is called instead.
    """
    text = message.replace(printable(str(source)), case)
    for name in _names_in(source):
        if name in text:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w])", UNNAMED, text)
    return text


def _names_in(folder: Path) -> list[str]:
    """Of all files in a folder, as paths below it, the longest first: one may be a part of another."""
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    names = [printable(str(path.relative_to(folder))) for path in paths]
    return sorted((name for name in names if not _TELLS_NOTHING.fullmatch(name)), key=len, reverse=True)
