"""Writing so that nobody ever sees half a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from omentum.errors import OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` only when the block ends well.

    The bytes go to `.<name>.tmp-<pid>` in the same folder, are flushed to disk and renamed; on any fault the
    temporary file is removed and what was there before stays. The folder is made if need be.

    Raises:
        OutputError: the folder or file cannot be written (no space, no permission, ...).
    """
    path = Path(path)
    # A name may already fill the 255 bytes a file system allows; the temporary one must not be longer.
    temporary = path.with_name(f".{os.fsdecode(os.fsencode(path.name)[:200])}.tmp-{os.getpid()}")
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
    if any(path.resolve() == Path(source).resolve() for source in inputs):
        raise OutputError("is also the input", source=path, remedy="choose another output")
    if not overwrite and os.path.lexists(path):
        raise OutputError("exists already", source=path, remedy="choose another output or pass --overwrite")
    folder = next(parent for parent in path.resolve().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("cannot be written", source=folder, remedy="choose a folder you may write to")
