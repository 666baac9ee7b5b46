"""Whether processes can meet at a socket in the temporary folder: its name must be short, clusters have long ones."""

from __future__ import annotations

import os
import tempfile

LONGEST_NAME = 103
"""Bytes of a socket's name on macOS; Linux allows four more."""
_BELOW = len("/pymp-12345678/listener-12345678")
"""What multiprocessing adds to the folder."""


def sockets_fit() -> bool:
    """Whether sockets of multiprocessing may lie in this process's temporary folder (TMPDIR)."""
    return len(os.fsencode(tempfile.gettempdir())) + _BELOW <= LONGEST_NAME
