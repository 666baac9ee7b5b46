"""Compiled networks kept on disk, each behind the hash of its bytes: a drive that lost some of them is noticed."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from omentum.atomic import replacing
from omentum.errors import OutputError, warn_of_case
from omentum.temporary_names import remove_unfinished

MARK = b"omentum compiled network, sha256\n"
"""Before the hash (32 bytes) and the network."""
DAMAGED = "this compiled network, kept from earlier, was damaged; it is made again"

_HEAD = len(MARK) + hashlib.sha256().digest_size


def read_kept(file: Path) -> bytes | None:
    """Read a kept network; None where there is none, or a damaged one (which is removed with a warning)."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        warn_of_case(f"this compiled network cannot be read ({fault.strerror}); it is made again", file.name)
        return None
    kept = content[_HEAD:]
    if content[:_HEAD] == MARK + hashlib.sha256(kept).digest():
        return kept
    warn_of_case(DAMAGED, file.name)
    drop_kept(file)
    return None


def drop_kept(file: Path) -> None:
    """Remove it, if that is allowed."""
    with suppress(OSError):
        file.unlink(missing_ok=True)


def keep(content: memoryview, file: Path) -> None:
    """Written complete or not at all; a full disk is no reason not to go on."""
    remove_unfinished(file.parent)
    with suppress(OutputError), replacing(file) as stream:
        stream.write(MARK + hashlib.sha256(content).digest())
        stream.write(content)
