"""Arrays that take memory only where they are written to."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def sparse_zeros(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Allocate zeros that use memory page by page (4 KB), when something is first written to a page.

    `numpy.zeros` promises as much, but asks Linux for pages of 2 MB: then one voxel takes what a hundred columns of
    voxels would.

    Raises:
        MemoryError: there is not so much, even on paper.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if sys.platform != "linux" or not size:
        return np.zeros(shape, dtype)
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as fault:
        raise MemoryError(f"no memory for an array of {size} bytes") from fault
    with suppress(OSError):  # a kernel without large pages does not know the word
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype).reshape(shape)
