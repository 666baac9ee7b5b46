"""Where Omentum keeps what it could fetch or make again: below OMENTUM_HOME, by default ~/.cache/omentum."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omentum.temporary_names import remove, remove_unfinished, unfinished

HOME_VARIABLE = "OMENTUM_HOME"
WEIGHTS, COMPILED, ENCODERS, EMBEDDINGS = "weights", "openvino", "encoders", "embeddings"
"""Folders in it: downloaded weights, networks compiled for this processor, downloaded text encoders, and what these
said about prompts."""


def home() -> Path:
    """The folder; it may not exist yet, and it may be one that cannot be written."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser()
    try:
        return Path.home() / ".cache" / "omentum"
    except RuntimeError:  # nobody's home, as in some containers
        return private_temporary()


def writable_home() -> Path:
    """The home folder; where it cannot be written, a temporary one of this user, with a warning once."""
    wanted = home()
    if _can_be_written(wanted):
        return wanted
    instead = private_temporary()
    logging.getLogger(__name__).warning(
        "warning: %s cannot be written; %s is used instead (%s names another folder)", wanted, instead, HOME_VARIABLE
    )
    os.environ[HOME_VARIABLE] = str(instead)  # for the processes that this one starts, too
    return instead


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def private_temporary() -> Path:
    """A folder that only this user can write to, since its content is loaded like code."""
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = Path(tempfile.gettempdir()) / ("omentum" if user is None else f"omentum-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="omentum-"))
    private = user is None or (found.st_uid == user and not found.st_mode & 0o077)
    return folder if stat.S_ISDIR(found.st_mode) and private else Path(tempfile.mkdtemp(prefix="omentum-"))


@contextmanager
def private_folder(name: str) -> Iterator[Path]:
    """A temporary folder that only this user can read; those of processes that were killed are removed first.

    Args:
        name: Part of its name.

    Raises:
        OSError: It cannot be made.
    """
    parent = private_temporary()
    remove_unfinished(parent)
    folder = unfinished(parent / name)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove(folder)
