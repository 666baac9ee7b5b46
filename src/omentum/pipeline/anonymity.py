"""Removal of file and folder names from messages about an anonymous case."""

from __future__ import annotations

import os
import re
from pathlib import Path

from omentum.errors import printable

UNNAMED = "[file]"
"""Replaces the name of a file in the folder of a case."""
_IDENTIFIES_NOBODY = re.compile(r"\d{1,5}|[A-Za-z]{1,3}")
"""File names that identify no one and occur in messages for other reasons, e.g. 12 or CT."""


def without_names(message: str, source: Path, case: str) -> str:
    """Remove the names of a case's files from a message.

    Args:
        message: Message that may contain the name of the file, of its folders, and, for a folder, of files and folders
            in it.
        source: File or folder of the case.
        case: Name used instead.
    """
    text = message.replace(printable(str(source)), case)
    for name in _names_in(source):
        if name in text:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w])", UNNAMED, text)
    return text


def _names_in(folder: Path) -> list[str]:
    """Relative paths of all files in a folder, longest first, because one may be part of another."""
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    names = [printable(str(path.relative_to(folder))) for path in paths]
    return sorted((name for name in names if not _IDENTIFIES_NOBODY.fullmatch(name)), key=len, reverse=True)
