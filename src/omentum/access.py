"""Who may use a service: tokens, which stay out of addresses and logs, and addresses that only this machine has."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from omentum.errors import InputError, UsageError

TOKEN_VARIABLE = "OMENTUM_TOKEN"
"""Environment variable with the token of `omentum serve`, for the service and its clients."""
MOST_BYTES = 16 * 1024
"""Of a file with a token."""


def read_token(file: Path | None, variable: str) -> str | None:
    """The token; None if there is none.

    Args:
        file: File that holds it.
        variable: Environment variable that is read without a file.

    Raises:
        InputError: the file cannot be read.
        UsageError: what it holds cannot be a token.
    """
    source: str | Path = variable if file is None else file
    if file is None:
        token = os.environ.get(variable, "")
        if not token:
            return None
    else:
        try:
            with file.open("rb") as opened:
                token = opened.read(MOST_BYTES + 1).decode("ascii", "replace")
        except OSError as fault:
            raise InputError(fault.strerror or str(fault), source=file) from fault
    return checked_token(token, source)


def checked_token(token: str, source: str | Path) -> str:
    """A token without the white space around it.

    Args:
        token: As it was given.
        source: Where it comes from, for the message.

    Raises:
        UsageError: it cannot be a token.
    """
    token = token.strip()
    if not token or len(token) > MOST_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("holds no token: one word of printable ASCII characters is expected", source=source)
    return token


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
