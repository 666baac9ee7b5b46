"""Masks as frames of a multi-frame object: one bit a pixel for each structure, or one number a pixel for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.segmentation import Segmentation

SLAB = 16
"""Slices turned together: in C order 16 voxels of 32 bits along k are one line of the processor's cache."""
RAW_DEFLATE = -15
_LEVEL = 1
"""Of ISA-L: masks shrink a hundredfold at any level, and the lowest takes least time."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Args:
        segment: Number of its segment, from 1; 0 for a frame of all segments.
        slice: Index k of its slice.
        packed: Its pixels, row by row, compressed; see `pixels`.
    """

    segment: int
    slice: int
    packed: bytes

    @property
    def pixels(self) -> bytes:
        """Its pixels: for one bit a pixel eight to a byte, the first in the lowest bit, filled up to a whole byte."""
        return bytes(isal_zlib.decompress(self.packed, RAW_DEFLATE))


def bit_frames(seg: Segmentation, around: Mapping[str, Box]) -> list[Frame]:
    """Frames of one bit a pixel, by segment and then by slice; frames without a voxel are left out.

    All structures of a slab of slices are packed together, so that the masks are turned from their own order of axes
    to rows and columns once. Frames wait compressed, because packed frames of all structures and slices would take as
    much memory as the masks themselves.

    Args:
        seg: Axes column, row, slice.
        around: The structures, in the order of their segments -> box of their voxels.
    """
    found: list[list[Frame]] = [[] for _ in around]
    columns, rows, _ = seg.shape
    for first, eights in _slabs(seg):
        for n, (key, box) in enumerate(around.items()):
            start, stop = max(first, box[2].start), min(first + eights.shape[1], box[2].stop)
            if start < stop:
                eight, bit = divmod(seg.classes.index(key), 8)
                drawn = eights[eight, start - first : stop - first, box[1]] & np.uint8(1 << bit)
                whole = _packed_rows(drawn, box[1], rows, columns)
                found[n] += [
                    Frame(n + 1, start + k, _compressed(one.tobytes())) for k, one in enumerate(whole) if one.any()
                ]
    return [frame for of_segment in found for frame in of_segment]


def number_frames(seg: Segmentation, around: Mapping[str, Box], dtype: np.dtype[np.unsignedinteger]) -> list[Frame]:
    """Frames of one number a pixel, that of its segment; frames without a segment are left out.

    Args:
        seg: Axes column, row, slice; without overlaps.
        around: See `bit_frames`.
        dtype: Little-endian unsigned integer.
    """
    found = []
    for first, eights in _slabs(seg):
        numbers = np.zeros(eights.shape[1:], dtype)
        for n, key in enumerate(around):
            eight, bit = divmod(seg.classes.index(key), 8)
            np.copyto(numbers, dtype.type(n + 1), where=(eights[eight] & np.uint8(1 << bit)) != 0)
        found += [Frame(0, first + k, _compressed(one.tobytes())) for k, one in enumerate(numbers) if one.any()]
    return found


def joined(frames: Iterable[Frame], pixels: int) -> Iterator[bytes]:
    """Frames of one bit a pixel without gaps between them (PS3.5 8.1.1), as whole bytes.

    Args:
        frames: In their order in the file.
        pixels: Number of pixels of a frame.
    """
    if pixels % 8 == 0:
        yield from (frame.pixels for frame in frames)
        return
    left = np.zeros(0, np.uint8)  # bits, the first ones first
    for frame in frames:
        bits = np.unpackbits(np.frombuffer(frame.pixels, np.uint8), bitorder="little", count=pixels)
        bits = np.concatenate([left, bits])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    yield np.packbits(left, bitorder="little").tobytes()


def _slabs(seg: Segmentation) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """First slice, and the masks of eight classes to a byte (eight, slice, row, column), some slices at a time."""
    planes, columns, rows, slices = seg.bits.shape
    for first in range(0, slices, SLAB):
        # The copy first reads whole lines of the cache; turned in place, each voxel would load one of its own.
        near = np.ascontiguousarray(seg.bits[..., first : first + SLAB])
        near = near.astype(near.dtype.newbyteorder("<"), copy=False)
        eights = near.view(np.uint8).reshape(planes, columns, rows, -1, near.dtype.itemsize)
        turned = np.ascontiguousarray(eights.transpose(0, 4, 3, 2, 1))
        yield first, turned.reshape(-1, *turned.shape[2:])


def _packed_rows(drawn: NDArray[np.uint8], at: slice, rows: int, columns: int) -> NDArray[np.uint8]:
    """Whole frames, one bit a pixel, from the rows that hold anything; shape (slices, bytes)."""
    if columns % 8 == 0:
        whole = np.zeros((len(drawn), rows, columns // 8), np.uint8)
        whole[:, at] = np.packbits(drawn, axis=-1, bitorder="little")
        return whole.reshape(len(drawn), -1)
    every = np.zeros((len(drawn), rows, columns), np.uint8)
    every[:, at] = drawn
    return np.packbits(every.reshape(len(drawn), -1), axis=-1, bitorder="little")


def _compressed(pixels: bytes) -> bytes:
    return bytes(isal_zlib.compress(pixels, _LEVEL, RAW_DEFLATE))


def slices_of(frames: Sequence[Frame]) -> list[int]:
    """Slices with a frame, ascending."""
    return sorted({frame.slice for frame in frames})
