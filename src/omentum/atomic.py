"""Atomic writing of files and folders: complete or not at all, also after a kill -9 or a power cut.

New content is written beside the target under a temporary name (see `omentum.temporary_names`), flushed to disk and
renamed over the target.
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
    """Open a temporary file that replaces `path` only when the block ends without an exception.

    Otherwise it is removed and the earlier file stays. The parent folder is created where needed.

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
    """As `replacing`, for libraries that write to a path: the block creates the file under the path it receives.

    Raises:
        OutputError: the file cannot be written; its folder must exist.
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
    """Create a temporary folder that replaces `path` only when the block ends without an exception.

    If the process is killed, `path` is the old folder, the new one, or for an instant neither. The old one is deleted
    last. Where neither can be renamed to `path`, the old one keeps its temporary name, from which
    `temporary_names.remove_unfinished` restores it.

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
    """Delete a folder; its name disappears before any of its content does."""
    going = unfinished(path, "old")
    path.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: UTF-8, indented by one, no NaN."""
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """The text that `write_json` writes."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, content: str) -> None:
    """Write text atomically as UTF-8, line ends unchanged."""
    with replacing(path) as file:
        file.write(printable(content).encode())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
