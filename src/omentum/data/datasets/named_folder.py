"""`NAME=FOLDER`: a dataset and where it lies, as it is written on every command line about raw datasets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omentum.errors import UsageError


def name_and_root(text: str) -> tuple[str, Path]:
    """What comes before the first "=" and after it.

    Raises:
        UsageError: one of the two is missing.
    """
    name, equals, root = text.partition("=")
    if not (name and equals and root):
        raise UsageError(f"--dataset {text!r} is not NAME=FOLDER", remedy="e.g. --dataset lits=/data/LiTS")
    return name, Path(root)


def folders_by_name(given: Iterable[str]) -> dict[str, Path]:
    """All `--dataset` of a command.

    Raises:
        UsageError: one is not NAME=FOLDER, or a name is given twice.
    """
    folders: dict[str, Path] = {}
    for text in given:
        name, root = name_and_root(text)
        if name in folders:
            raise UsageError(f"--dataset {name} is given twice", remedy="give a dataset one folder")
        folders[name] = root
    return folders
