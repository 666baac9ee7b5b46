"""DICOM UIDs from outside: checked, and never shown."""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5, section 9.1); leading zeros of a component, which occur, are allowed."""
    return len(text) <= LONGEST and _UID.fullmatch(text) is not None


def name_of_series(uid: str) -> str:
    """Name for files and messages that does not contain the UID."""
    return f"series_{hashlib.sha256(f'series {uid}'.encode()).hexdigest()[:10]}"
