"""Writing files and folders so that nobody ever sees half of one, not even after a kill -9 or a power cut.

The new content lies beside the final place under a temporary name (see `omentum.temporary_names`), is flushed to disk
and takes the place in one rename.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from omentum.errors import OutputError, printable
from omentum.temporary_names import remove, unfinished


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` only when the block ends well.

    On any fault the new file is removed and what was there before stays. The folder is made if need be.

    Raises:
        OutputError: the folder or file cannot be written (no space, no permission, ...).
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault
    with replacing_by_name(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def replacing_by_name(path: Path) -> Iterator[Path]:
    """`replacing` for libraries that write to a name: the block makes the file of the name it is given.

    Raises:
        OutputError: the file cannot be written; its folder has to be there.
    """
    temporary = unfinished(path)
    try:
        try:
            yield temporary
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill that takes the place of `path` only when the block ends well.

    Killed at any moment, the name belongs to the old folder, to the new one, or for an instant to none. What was there
    before is deleted last. Where neither the new folder nor the earlier one can be put in the place, the earlier one
    stays beside it under its temporary name, from which `temporary_names.remove_unfinished` brings it back.

    Raises:
        OutputError: something cannot be written.
    """
    new, old = unfinished(path), unfinished(path, "old")
    try:
        try:
            new.mkdir(parents=True)
            yield new
            for written in (*new.rglob("*"), new):
                _flush(written)
            if os.path.lexists(path):
                path.rename(old)
            new.rename(path)
        except BaseException:
            if os.path.lexists(old) and not os.path.lexists(path):
                with suppress(OSError):
                    old.rename(path)
            raise
        finally:
            remove(new)
            if os.path.lexists(path):
                remove(old)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault
    with suppress(OSError):  # the folder is whole; only a power cut could still bring the old one back
        _flush(path.parent)


def remove_folder(path: Path) -> None:
    """Delete a folder so that its name never belongs to half of it."""
    going = unfinished(path, "old")
    path.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """JSON for people and programs: indented, no NaN, complete or not at all."""
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """The text that `write_json` writes."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, content: str) -> None:
    """UTF-8, line ends as they are, complete or not at all."""
    with replacing(path) as file:
        file.write(printable(content).encode())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
