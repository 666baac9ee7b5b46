"""Arrays that take memory only where they are written to."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def sparse_zeros(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros, of which a page of 4 KB takes memory when something is first written to it.

    `numpy.zeros` promises as much, but asks Linux for pages of 2 MB: then one voxel takes what a hundred columns of
    voxels would.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not sys.platform.startswith("linux") or not size:
        return np.zeros(shape, dtype)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, dtype).reshape(shape)
