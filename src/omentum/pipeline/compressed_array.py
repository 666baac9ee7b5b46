"""Compressed arrays on the grid of a CT.

This way the memory for the sliding window and for the masks of a long scan is not needed at the same time, and only a
fiftieth of the data is sent between processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.preprocess.grid import Undo
from omentum.preprocess.upright import interpolated, nearest
from omentum.sparse import sparse_zeros

LEVEL = 1
"""Compression level of isal's deflate: masks shrink to a fiftieth at gigabytes per second."""


@dataclass(eq=False)
class CompressedSparseArray:
    """An array that is 0 outside some boxes.

    Args:
        undo: Inverse of the preprocessing; boxes are on its native grid, in the axis order of the model.
        dtype: Dtype of the array.
        planes: Shape of the leading axes, before those of the grid.
    """

    undo: Undo
    dtype: np.dtype[Any]
    planes: tuple[int, ...] = ()
    _parts: list[tuple[Box, tuple[int, ...], bytes]] = field(default_factory=list, init=False)

    def add(self, box: Box, part: NDArray[Any]) -> None:
        """Set the values in a box; where boxes overlap, bits are joined, and of numbers the larger counts."""
        self._parts.append((box, part.shape, isal_zlib.compress(np.ascontiguousarray(part, self.dtype), LEVEL)))

    def without(self, bits: NDArray[Any]) -> CompressedSparseArray:
        """A copy with some bits of all voxels cleared.

        Args:
            bits: Those to clear, one number for each plane.
        """
        left = CompressedSparseArray(self.undo, self.dtype, self.planes)
        kept = ~bits.astype(self.dtype).reshape(-1, 1, 1, 1)
        for box, part in self._boxes():
            left.add(box, part & kept)
        return left

    def to_array(self) -> NDArray[Any]:
        """Decompress to the grid of the CT, shape (*planes, i, j, k); pages of zeros are not allocated.

        If the CT was resampled to upright axes (see `Undo`), an array with planes holds bits and is sampled at the
        nearest voxel; one without is interpolated.
        """
        out = self.upright()
        if self.undo.oblique is None:
            return out
        return (nearest if self.planes else interpolated)(out, self.undo.native, self.undo.oblique)

    def upright(self) -> NDArray[Any]:
        """Decompress like `to_array`, but to the upright grid used for an oblique CT."""
        out = sparse_zeros((*self.planes, *self.undo.native.shape), self.dtype)
        oriented = self.undo.oriented_view(out)
        for box, part in self._boxes():
            there = oriented[..., *box]  # pages that are never written need no memory
            (np.bitwise_or if self.planes else np.maximum)(there, part, out=there, where=part != 0)
        return out

    def _boxes(self) -> Iterator[tuple[Box, NDArray[Any]]]:
        """The parts, decompressed one after the other."""
        for box, shape, small in self._parts:
            size = int(np.prod(shape)) * self.dtype.itemsize
            yield box, np.frombuffer(isal_zlib.decompress(small, bufsize=size), self.dtype).reshape(shape)
