"""Convert packed bits to an integer per voxel and a table of label sets; a body has about thirty sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.segmentation import BITS_PER_PLANE, Bits, planes_for

Index = NDArray[np.unsignedinteger[Any]]
Sets = NDArray[np.uint64]
"""[S, planes]: bit k % 64 of plane k // 64 says whether a set holds class k."""


def distinct_sets(bits: Bits) -> tuple[Sets, Index]:
    """Number the label sets that occur.

    Args:
        bits: [planes, x, y, z], as in `Segmentation`.

    Returns:
        The sets in ascending order (by their first plane first), the empty set first even if no voxel has it; and for
            each
        voxel the row of its set, in the narrowest unsigned integer dtype.
    """
    sets, index = _distinct(bits[0])
    table = sets[:, None]
    for plane in bits[1:]:
        more, second = _distinct(plane)
        both, index = _distinct(index.astype(np.uint64) * np.uint64(len(more)) + second)
        first, last = np.divmod(both, np.uint64(len(more)))
        table = np.concatenate([table[first], more[last, None]], axis=1)
    return table, index


def members(sets: Sets, number: int) -> NDArray[np.bool_]:
    """Unpack [S, planes] to bool [S, number]."""
    octets = np.ascontiguousarray(sets, "<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, count=number, bitorder="little").view(np.bool_)


def as_integers(sets: Sets) -> tuple[int, ...]:
    """Each set as one Python integer with bit k for class k, for any number of classes."""
    return tuple(int.from_bytes(row.tobytes(), "little") for row in np.ascontiguousarray(sets, "<u8"))


def from_integers(integers: Iterable[int], number: int) -> Sets:
    """Inverse of `as_integers` for a given number of classes.

    Raises:
        OverflowError: An integer is negative or has bits beyond the planes of the classes.
    """
    size = planes_for(number) * BITS_PER_PLANE // 8
    octets = b"".join(integer.to_bytes(size, "little") for integer in integers)
    return np.frombuffer(octets, "<u8").reshape(-1, size // 8).astype(np.uint64)


def _distinct(values: NDArray[np.unsignedinteger[Any]]) -> tuple[NDArray[np.uint64], Index]:
    """Distinct values in ascending order, always including 0, and the index of each voxel's value."""
    flat = np.ascontiguousarray(values).reshape(-1)
    filled = np.flatnonzero(flat)
    there = flat[filled]
    # Labels form runs: a new value can only occur at the start of a run.
    begins = np.flatnonzero(there[1:] != there[:-1]) + 1
    sets = np.unique(there[np.concatenate([[0], begins])]) if len(there) else there
    sets = np.concatenate([np.zeros(1, there.dtype), sets])
    index = np.zeros(flat.shape, np.min_scalar_type(len(sets) - 1))
    index[filled] = np.searchsorted(sets, there)
    return sets.astype(np.uint64), index.reshape(values.shape)
