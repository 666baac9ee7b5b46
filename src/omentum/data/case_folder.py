"""A folder that is there as a whole or not at all, also after a kill -9 or a power cut."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from omentum.errors import OutputError
from omentum.unfinished import unfinished


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Fill a temporary folder, flush it to disk, and give it the name.

    Killed at any moment, the name belongs to the old folder, to the new one, or for an instant to none.

    Args:
        folder: The name.
        write: Writes files into the (existing, empty) folder it is given.

    Raises:
        OutputError: something cannot be written.
    """
    temporary, old = unfinished(folder), unfinished(folder, "old")
    try:
        temporary.mkdir(parents=True)
        try:
            write(temporary)
            for path in (*temporary.iterdir(), temporary):
                _flush(path)
            if folder.exists():
                folder.rename(old)
            temporary.rename(folder)
            _flush(folder.parent)
        finally:
            for leftover in (temporary, old):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder) from fault


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
