"""Python's garbage collector, where it only takes time."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """A block of imports: what they make stays, so nobody looks through it for garbage again and again as it grows."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def leave_at_exit() -> None:
    """At the end of the process its memory goes back as a whole, without a last look through all libraries."""
    atexit.register(gc.freeze)
