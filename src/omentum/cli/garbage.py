"""Python's garbage collector, disabled where it only costs time."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Disable garbage collection during imports, whose objects are kept anyway."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def leave_at_exit() -> None:
    """Skip garbage collection at exit, when all memory is returned anyway."""
    atexit.register(gc.freeze)
