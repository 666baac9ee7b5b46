"""Rim of a mask: voxels on either side of its surface within a distance of the other side.

Computed on bit-packed voxels, 64 per word: the mask is dilated along one axis and shifted to every offset of a ball
along the other two. A distance transform of all voxels gives the same result and takes several times as long.
"""

from __future__ import annotations

from collections.abc import Iterator

import edt
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]

SLAB = 32
"""Planes along the first axis processed at once, so that they fit in the CPU cache."""
WORD = 64


def rim(mask: Mask, mm: float, spacing_mm: tuple[float, ...]) -> Mask:
    """Voxels within a distance, centre to centre, of the nearest voxel of the other side.

    Args:
        mask: Bool, shape (i, j, k); voxels outside the array are on neither side.
        mm: Distance.
        spacing_mm: Voxel spacing.
    """
    ball = _ball(mm, spacing_mm)
    i, j = (n // 2 for n in ball.shape)
    inside = np.pad(_packed(mask), ((i, i), (j, j), (0, 0)))
    outside = np.pad(_packed(~mask), ((i, i), (j, j), (0, 0)))
    found = np.empty((*mask.shape[:2], inside.shape[2]), np.uint64)
    for start in range(0, len(mask), SLAB):
        around = slice(start, start + SLAB + 2 * i)
        near = _near(outside[around], ball) & inside[around][i:-i, j:-j]
        near |= _near(inside[around], ball) & outside[around][i:-i, j:-j]
        found[start : start + SLAB] = near
    bits = found.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(bits, axis=2, count=mask.shape[2], bitorder="little").view(np.bool_)


def _ball(mm: float, spacing_mm: tuple[float, ...]) -> NDArray[np.intp]:
    """Extent of the ball along the third axis in voxels, by offset along the others; -1 outside the ball.

    Distances are computed as in the distance transform, so that both round alike.
    """
    reach = [int(mm / step) + 1 for step in spacing_mm]
    sides = np.ones([2 * n + 1 for n in reach], np.uint8)
    sides[tuple(reach)] = 2
    distance = edt.edt(sides, anisotropy=spacing_mm, black_border=False)
    distance[tuple(reach)] = 0.0
    return np.asarray((np.count_nonzero(distance <= mm, axis=2) - 1) // 2)


def _packed(mask: Mask) -> Words:
    """Pack 64 voxels along the third axis into a word, first voxel in the lowest bit, padded with zeros."""
    packed = np.packbits(mask, axis=2, bitorder="little")
    words = np.zeros((*mask.shape[:2], WORD // 8 * -(-mask.shape[2] // WORD)), np.uint8)
    words[..., : packed.shape[2]] = packed
    return words.view("<u8").astype(np.uint64, copy=False)


def _near(words: Words, ball: NDArray[np.intp]) -> Words:
    """Dilation by the ball, without the margins that the ball extends into."""
    out = np.zeros([n - m + 1 for n, m in zip(words.shape, ball.shape, strict=False)] + [words.shape[2]], np.uint64)
    for length, line in enumerate(_drawn_out(words, int(ball.max()))):
        for i, j in np.argwhere(ball == length):
            out |= line[i : i + out.shape[0], j : j + out.shape[1]]
    return out


def _drawn_out(words: Words, most: int) -> Iterator[Words]:
    """Dilations by 0, 1, 2, ... voxels along the third axis."""
    yield words
    for _ in range(most):
        wider = words | words << np.uint64(1) | words >> np.uint64(1)
        wider[..., 1:] |= words[..., :-1] >> np.uint64(WORD - 1)
        wider[..., :-1] |= words[..., 1:] << np.uint64(WORD - 1)
        words = wider
        yield words
