"""Writing so that nobody ever sees half a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from omentum.errors import OutputError
from omentum.unfinished import unfinished


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` only when the block ends well.

    The bytes go to a hidden file in the same folder (see `omentum.unfinished`), are flushed to disk and renamed; on any
    fault that file is removed and what was there before stays. The folder is made if need be.

    Raises:
        OutputError: the folder or file cannot be written (no space, no permission, ...).
    """
    path = Path(path)
    temporary = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault


def check_output(path: str | Path, *, inputs: Iterable[str | Path] = (), overwrite: bool = False) -> None:
    """Refuse an output before work starts: it is an input, it exists, or its folder cannot be written.

    Raises:
        OutputError: with the reason and the way out.
    """
    path = Path(path)
    place = Path(os.path.realpath(path))  # as far as links lead; `resolve` gives up where they lead in a circle
    for source in map(os.path.realpath, inputs):
        if place == Path(source):
            raise OutputError("is also the input", source=path, remedy="choose another output")
        if place.is_relative_to(source):
            raise OutputError("lies inside the input", source=path, remedy="choose an output beside that folder")
    if not overwrite and os.path.lexists(path):
        raise OutputError("exists already", source=path, remedy="choose another output or pass --overwrite")
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("cannot be written", source=folder, remedy="choose a folder you may write to")
