"""What a label map hides: with one number a voxel, structures that overlap are painted over.

A second file holds the numbers of what lies underneath, so that both together are all masks, voxel by voxel: layer 1 is
what the label map would show without what it shows, layer 2 what would be seen under that, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError
from omentum.io.labels import packed
from omentum.io.nifti import read_volume, write_layers
from omentum.segmentation import BITS_PER_PLANE, Segmentation, in_several

Where = tuple[NDArray[np.intp], ...]

SLAB = 16
"""Planes looked at together."""


def write_overlaps(path: str | Path, seg: Segmentation) -> int:
    """Write what the label map of a segmentation hides, in template numbers.

    Args:
        path: `.nii.gz`; a file of three axes for one layer, of four for more. Not written where nothing is hidden.
        seg: The masks.

    Returns:
        How many layers there are.

    Raises:
        OutputError: the file cannot be written.
    """
    where = _several(seg)
    layers = _hidden(seg, where)
    if len(layers):
        dtype = np.min_scalar_type(int(layers.max()))
        write_layers(path, _volumes(layers.astype(dtype), where, seg.shape), len(layers), dtype, seg)
    return len(layers)


def read_layered(label_map: str | Path, overlaps: str | Path, layers: int, classes: Sequence[str]) -> Segmentation:
    """All masks, as they were written to a label map in template numbers and to the file beside it.

    Args:
        label_map: See `write_labelmap`.
        overlaps: See `write_overlaps`; not looked for without layers.
        layers: How many it holds.
        classes: Structure keys, bit order.

    Raises:
        InputError: a file is missing or damaged, or the two lie on different grids.
    """
    rows = {STRUCTURES[key].index: [key] for key in classes}
    image = read_volume(label_map)
    bits = packed(image.voxels, rows, image).bits
    for n in range(layers):
        layer = read_volume(overlaps, volume=n if layers > 1 else None)
        if not layer.grid.same_as(image.grid):
            raise InputError("lies on another grid than the label map", source=overlaps)
        bits |= packed(layer.voxels, rows, layer).bits
    return Segmentation(bits, image.affine, tuple(classes), header=image.header)


def _several(seg: Segmentation) -> Where:
    """Voxels that more than one structure has, found some planes at a time, of those that lie together in memory."""
    found = []
    for i in range(0, seg.shape[0], SLAB):
        beyond, j, k = np.nonzero(in_several(seg.bits[:, i : i + SLAB]))
        found.append((beyond + i, j, k))
    return tuple(np.concatenate(axis) for axis in zip(*found, strict=True))


def _hidden(seg: Segmentation, where: Where) -> NDArray[np.uint16]:
    """(layers, voxels): numbers of what lies under what the label map shows, 0 for nothing."""
    bits = np.stack([plane[where] for plane in seg.bits])
    shown, layers = np.full(bits.shape[1], -1, np.int16), list[NDArray[np.uint16]]()
    for key in sorted(seg.classes, key=lambda key: STRUCTURES[key].paint_order, reverse=True):
        k = seg.classes.index(key)
        here = np.flatnonzero(bits[k // BITS_PER_PLANE] & bits.dtype.type(1 << (k % BITS_PER_PLANE)))
        shown[here] += 1
        for n in np.unique(shown[here][shown[here] > 0]):
            while len(layers) < n:
                layers.append(np.zeros(bits.shape[1], np.uint16))
            layers[n - 1][here[shown[here] == n]] = STRUCTURES[key].index
    return np.array(layers, np.uint16).reshape(len(layers), bits.shape[1])


def _volumes(layers: NDArray[Any], where: Where, shape: tuple[int, int, int]) -> Iterator[NDArray[Any]]:
    for layer in layers:
        volume = np.zeros(shape, layers.dtype, order="F")  # as it is written
        volume[where] = layer
        yield volume
