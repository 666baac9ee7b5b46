"""Temporary names of unfinished files, and the removal of those left behind by killed processes.

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
from contextlib import suppress
from pathlib import Path
from typing import Literal

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
            remove(path)
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


def remove(path: Path) -> None:
    """Delete a file or a folder with all in it, as far as its owner lets us."""
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
    """Identifier of the machine or container; differs between containers that share host name and process numbers."""
    try:
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]
