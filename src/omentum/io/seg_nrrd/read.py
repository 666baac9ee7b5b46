"""Read `.seg.nrrd` files written by this package or by others with named segments, without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.errors import InputError, warn_of_case
from omentum.io.hosts import with_hosts
from omentum.io.labels import ForeignLabelsError
from omentum.io.seg_nrrd.segments import Segment, named, read_segments, refuse_lost_names
from omentum.segmentation import BITS_PER_PLANE, Bits, Segmentation, no_bits

SLAB = 16
"""Planes looked at together."""


def read_seg_nrrd(path: str | Path) -> Segmentation:
    """Read all masks of a `.seg.nrrd`.

    A segment is identified by its name or a synonym, else by its ID. Unknown segments are left out with a warning; one
    whose ID is a structure and whose name is none is refused, because a viewer has renamed it.

    In files written by other programs, a lesion's voxels are also added to its host (see
    `with_hosts`), because such files often exclude the tumour from the liver.

    Returns:
        Classes in file order; a segment without a voxel is an annotated, absent structure.

    Raises:
        InputError: The file cannot be read, two segments denote the same structure, or one was renamed to nothing of
            ours.
        ForeignLabelsError: No segment is a known structure.
        GeometryError: The geometry is invalid or unknown.
        UsageError: The file carries structures with another meaning than in this process.
    """
    file = read_segments(path)
    refuse_lost_names(file.segments, Path(path))
    known = known_segments(file.segments, Path(path))
    bits = no_bits(len(known), file.grid.shape)
    for number, layer in enumerate(file.layers):
        values = {segment.value: k for k, segment in enumerate(known.values()) if segment.layer == number}
        described = [segment.value for segment in file.segments if segment.layer == number]
        _add(bits, layer, values, described, Path(path))
    annotated = frozenset(key for key, segment in known.items() if segment.is_annotated)
    seg = Segmentation(bits, file.grid.affine, tuple(known), annotated)
    return seg if file.is_ours else with_hosts(seg)


def known_segments(segments: Sequence[Segment], path: Path) -> dict[str, Segment]:
    """Match segments with structures; unknown ones are left out with a warning.

    Returns:
        Structure key -> its segment, in file order.

    Raises:
        InputError: Two segments denote the same structure.
        ForeignLabelsError: No segment is a known structure.
    """
    known: dict[str, Segment] = {}
    foreign: list[Segment] = []
    for segment in segments:
        key = segment.key
        if key is None:
            foreign.append(segment)
        elif key in known:
            raise InputError(f"has {key} twice: {named([known[key], segment])}", source=path)
        else:
            known[key] = segment
            if segment.was_renamed:
                warn_of_case(f"segment {segment.id!r} is named {segment.name!r} and read as {key}", path)
    if not known:
        fault = ForeignLabelsError(f"has no segment that is a structure of ours: {named(foreign)}", path)
        fault.remedy = "call them as `omentum classes` does"
        raise fault
    if foreign:
        warn_of_case(f"segments that are nothing of ours, left out: {named(foreign)}", path)
    return known


def _add(bits: Bits, layer: NDArray[Any], rows: Mapping[int, int], described: Sequence[int], path: Path) -> None:
    """Set the masks of one layer, part by part, because lookup results take more memory than the layer itself.

    Args:
        bits: Packed masks of all classes.
        layer: [i, j, k].
        rows: Value -> class index; other values are ignored.
        described: Values for which the header has a segment.
        path: File name for messages.
    """
    # The entry after the last value is empty; larger and negative values are clipped to the empty ends.
    table = no_bits(bits.shape[0] * BITS_PER_PLANE, (max(described, default=0) + 2,)).astype(bits.dtype)
    strange = np.ones(table.shape[1], bool)
    strange[[0, *described]] = False
    for value, k in rows.items():
        table[k // BITS_PER_PLANE, value] |= table.dtype.type(1 << (k % BITS_PER_PLANE))
    n_strange = 0
    for box in _drawn(layer):
        part = layer[box]
        for row, out in zip(table, bits, strict=True):
            out[box] |= row.take(part, mode="clip")
        n_strange += int(np.count_nonzero(strange.take(part, mode="clip")))
    if n_strange:
        warn_of_case(f"{n_strange} voxels have values that belong to no segment, left out", path)


def _drawn(layer: NDArray[Any]) -> Iterator[Box]:
    """Yield bounding boxes of the non-zero voxels, some planes at a time."""
    for start in range(0, layer.shape[2], SLAB):
        slab = layer[..., start : start + SLAB]
        spans = [np.flatnonzero(slab.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        if len(spans[0]):
            i, j, k = (slice(int(span[0]), int(span[-1]) + 1) for span in spans)
            yield i, j, slice(k.start + start, k.stop + start)
