"""Writing beside the final place and renaming, and removing what a process that was killed never finished.

A temporary name says which process of which machine is at it, so that a later run can tell what nobody works at any
more.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from omentum.errors import OutputError

FOREIGN_AGE_S = 24 * 3600.0
"""What another machine (or container) wrote is taken for left behind when nothing in it changed for so long."""

_LONGEST = 180
"""Bytes of the final name in the temporary one: file systems allow 255 in all."""
_NAME = re.compile(
    r"\.(?P<name>.+)\.(?P<kind>tmp|old)-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}", re.DOTALL
)


def unfinished(path: Path, kind: Literal["tmp", "old"] = "tmp") -> Path:
    """A name beside a path that no other thread, process or machine uses: for the new content, or for the old one."""
    name = os.fsdecode(os.fsencode(path.name)[:_LONGEST])
    return path.with_name(f".{name}.{kind}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill that takes the place of `path` only when the block ends well.

    What was there before is deleted last. Where neither the new folder nor the earlier one can be put in the place, the
    earlier one stays beside it under its temporary name, from which `remove_unfinished` brings it back.

    Raises:
        OutputError: something cannot be written.
    """
    new, old = unfinished(path), unfinished(path, "old")
    try:
        try:
            new.mkdir(parents=True)
            yield new
            if os.path.lexists(path):
                path.rename(old)
            new.rename(path)
        except BaseException:
            if os.path.lexists(old) and not os.path.lexists(path):
                with suppress(OSError):
                    old.rename(path)
            raise
        finally:
            _remove(new)
            if os.path.lexists(path):
                _remove(old)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault


def remove_unfinished(folder: Path) -> int:
    """Remove from a folder what processes left there that are gone; what was to be replaced comes back.

    Returns:
        How many files and folders there were.
    """
    try:
        found = [(path, match) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError:
        return 0
    left = [(path, match) for path, match in found if _is_left(path, match)]
    for path, match in left:
        if not (match["kind"] == "old" and _put_back(path, match["name"])):
            _remove(path)
    return len(left)


def _is_left(path: Path, match: re.Match[str]) -> bool:
    if match["machine"] == _machine():
        return not _is_alive(int(match["process"]))
    try:
        last = max(p.lstat().st_mtime for p in (path, *path.rglob("*")))
    except OSError:  # somebody is at it
        return False
    return time.time() - last > FOREIGN_AGE_S


def _put_back(path: Path, name: str) -> bool:
    """Killed between the two renames, the earlier result is all there is."""
    place = path.with_name(name)
    if len(os.fsencode(name)) >= _LONGEST or os.path.lexists(place):
        return False
    try:
        path.rename(place)
    except OSError:
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):  # somebody else's
        path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _machine() -> str:
    """Of two containers with the same process numbers the names differ, also where they share the name of the host."""
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:  # no Linux
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]
