"""Warnings of a command, one line each on stderr as they occur."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omentum.errors import CaseWarning


@contextmanager
def print_case_warnings() -> Iterator[None]:
    """Print our own warnings as plain lines; those of libraries are left to Python."""
    with warnings.catch_warnings():
        shown = warnings.showwarning
        warnings.simplefilter("always", CaseWarning)

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, CaseWarning):
                print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = show
        yield
