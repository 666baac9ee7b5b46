"""Identifiers of uploads and jobs: made here, impossible to guess, and safe as the name of a folder."""

from __future__ import annotations

import base64
import secrets

ID_PATTERN = "^[a-z2-7]{26}$"


def new_id() -> str:
    """128 random bits in base32: 26 lower-case letters and digits from 2 to 7."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
