"""Memory of a process that does one task after another, returned to the system between them."""

from __future__ import annotations

import ctypes
import gc
import sys


def release_unused_memory() -> None:
    """Free what only reference cycles hold, and return free heap memory to the system.

    Figures of matplotlib are such cycles, with a canvas of 8 MB each. Python collects them rarely in a process with
    hundreds of thousands of lasting objects, as one with torch has; glibc keeps the holes that they leave in the heap.
    """
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):  # not in musl
        libc.malloc_trim(ctypes.c_size_t(0))
