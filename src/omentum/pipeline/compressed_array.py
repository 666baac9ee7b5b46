"""Arrays on a CT's own grid, kept small until they are needed.

What windows and their sums need, and what the masks of a long scan need, is then never needed at once; and from one
process to another goes a fiftieth of it.
"""

from __future__ import annotations

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
"""Of isal's deflate: masks become a fiftieth, at gigabytes a second."""


@dataclass(eq=False)
class CompressedSparseArray:
    """An array that is 0 but for some boxes.

    Args:
        undo: Boxes lie on its native grid, with the model's axes.
        dtype: Of the array.
        planes: Its axes before those of the grid.
    """

    undo: Undo
    dtype: np.dtype[Any]
    planes: tuple[int, ...] = ()
    _parts: list[tuple[Box, tuple[int, ...], bytes]] = field(default_factory=list, init=False)

    def add(self, box: Box, part: NDArray[Any]) -> None:
        """What is in a box; where boxes overlap, what is not 0 in the last of them counts."""
        self._parts.append((box, part.shape, isal_zlib.compress(np.ascontiguousarray(part, self.dtype), LEVEL)))

    def to_array(self) -> NDArray[Any]:
        """The array on the CT's own grid, shape (*planes, i, j, k); takes memory only where it is not 0.

        Where the CT was stood up (see `Undo`), what has planes is bits and taken from the nearest voxel, what has none
        is interpolated.
        """
        out = self.upright()
        if self.undo.oblique is None:
            return out
        return (nearest if self.planes else interpolated)(out, self.undo.native, self.undo.oblique)

    def upright(self) -> NDArray[Any]:
        """As `to_array`, but on the upright grid that an oblique CT was seen on."""
        out = sparse_zeros((*self.planes, *self.undo.native.shape), self.dtype)
        oriented = self.undo.oriented_view(out)
        for box, shape, small in self._parts:
            size = int(np.prod(shape)) * self.dtype.itemsize
            part = np.frombuffer(isal_zlib.decompress(small, bufsize=size), self.dtype).reshape(shape)
            np.copyto(oriented[..., *box], part, where=part != 0)  # a page that is never written to takes no memory
        return out
