"""Packed bits as a number a voxel and a table of the sets that occur: a body has some thirty, not four billion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.unsignedinteger[Any]]


def distinct_sets(bits: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Index]:
    """Number the sets that occur.

    Args:
        bits: [x, y, z]; bit k = k-th class.

    Returns:
        The sets in ascending order, the empty one first even where no voxel has it; and for each voxel the row of
        its set, in the narrowest unsigned integer.
    """
    flat = np.ascontiguousarray(bits).reshape(-1)
    filled = np.flatnonzero(flat)
    values = flat[filled]
    # Labels come in runs: only where one begins can there be a set not seen yet.
    begins = np.flatnonzero(values[1:] != values[:-1]) + 1
    sets = np.concatenate([[np.uint64(0)], np.unique(values[np.concatenate([[0], begins])] if len(values) else values)])
    index = np.zeros(flat.shape, np.min_scalar_type(len(sets) - 1))
    index[filled] = np.searchsorted(sets, values)
    return sets, index.reshape(bits.shape)
