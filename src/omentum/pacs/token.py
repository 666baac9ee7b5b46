"""The token of a DICOMweb server: from a file or the environment, never from an address, never shown."""

from __future__ import annotations

import os
from pathlib import Path

from omentum.errors import InputError, UsageError
from omentum.pacs.options import TOKEN_VARIABLE

MOST_BYTES = 16 * 1024


def read_token(file: Path | None) -> str | None:
    """The token; None if there is none.

    Raises:
        InputError: the file cannot be read.
        UsageError: what it holds cannot be a token.
    """
    source: str | Path = TOKEN_VARIABLE if file is None else file
    if file is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token:
            return None
    else:
        try:
            with file.open("rb") as opened:
                token = opened.read(MOST_BYTES + 1).decode("ascii", "replace")
        except OSError as fault:
            raise InputError(fault.strerror or str(fault), source=file) from fault
    token = token.strip()
    if not token or len(token) > MOST_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("holds no token: one word of printable ASCII characters is expected", source=source)
    return token
