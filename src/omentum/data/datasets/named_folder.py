"""Parse the `NAME=FOLDER` arguments of the commands that read raw datasets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omentum.errors import UsageError


def name_and_root(text: str) -> tuple[str, Path]:
    """Split a `NAME=FOLDER` argument at the first "=".

    Raises:
        UsageError: The name or the folder is missing.
    """
    name, equals, root = text.partition("=")
    if not (name and equals and root):
        raise UsageError(f"--dataset {text!r} is not NAME=FOLDER", remedy="e.g. --dataset lits=/data/LiTS")
    return name, Path(root)


def folders_by_name(given: Iterable[str]) -> dict[str, Path]:
    """Parse all `--dataset` arguments of a command.

    Raises:
        UsageError: An argument is not NAME=FOLDER, or a name occurs twice.
    """
    folders: dict[str, Path] = {}
    for text in given:
        name, root = name_and_root(text)
        if name in folders:
            raise UsageError(f"--dataset {name} is given twice", remedy="give a dataset one folder")
        folders[name] = root
    return folders
