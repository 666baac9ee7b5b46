"""A folder that is there as a whole or not at all, also after a kill -9 or a power cut."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from omentum.unfinished import replacing_folder, unfinished


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Fill a temporary folder, flush it to disk, and give it the name.

    Killed at any moment, the name belongs to the old folder, to the new one, or for an instant to none.

    Args:
        folder: The name.
        write: Writes files into the (existing, empty) folder it is given.

    Raises:
        OutputError: something cannot be written.
    """
    with replacing_folder(folder) as new:
        write(new)
        for path in (*new.iterdir(), new):
            _flush(path)
    with suppress(OSError):  # the folder is whole; only a power cut could still bring the old one back
        _flush(folder.parent)


def remove_leftovers(parent: Path) -> None:
    """Delete what interrupted `replace_folder` and `io.outputs.replacing` left in a folder."""
    for path in (*parent.glob(".*.tmp-*"), *parent.glob(".*.old-*")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Delete a folder so that its name never belongs to half of it."""
    going = unfinished(folder, "old")
    folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
