"""Write all masks of a segmentation to one `.seg.nrrd` for 3D Slicer, lossless where structures overlap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows
from omentum.atomic import replacing
from omentum.boxes import Box
from omentum.io.nifti import SLAB
from omentum.io.seg_nrrd.fields import header_lines, pair_lines, segment_pairs, segmentation_pairs
from omentum.io.seg_nrrd.layers import share_layers
from omentum.segmentation import Segmentation, overlaps

GZIP_LEVEL = 1
"""Of ISA-L: what is nearly all zeros goes through at gigabytes a second, and higher levels make it no smaller."""


def write_seg_nrrd(path: str | Path, seg: Segmentation, overlapping: Iterable[frozenset[str]] | None = None) -> None:
    """Write every mask; an empty segment means that the structure is annotated but absent.

    A voxel has a structure's template value in that structure's layer. Structures that are neither present nor
    annotated are left out.

    Args:
        path: Must end in `.seg.nrrd`, which 3D Slicer requires.
        seg: The segmentation.
        overlapping: Sets of keys with common voxels, if already known; see `overlaps`.

    Raises:
        OutputError: The file cannot be written.
    """
    around = seg.boxes()
    keys = [key for key in seg.classes if key in around or key in (seg.annotated or ())]
    layers = share_layers(keys, overlaps(seg) if overlapping is None else overlapping)
    number = max(layers.values(), default=0) + 1
    dtype = np.min_scalar_type(max((STRUCTURES[key].index for key in keys), default=0)).newbyteorder("<")
    rows = carried_rows(keys)
    pairs = segmentation_pairs(json.dumps(rows, ensure_ascii=False) if rows else "")
    for n, key in enumerate(keys):
        pairs |= segment_pairs(n, key, layers[key], around.get(key), key in (seg.annotated or ()))
    head = "\n".join([*header_lines(seg.grid, number, dtype), *pair_lines(pairs), "", ""])
    with replacing(path) as file:
        file.write(head.encode())
        # No name and no time in the gzip header, so that equal results are equal bytes.
        with igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0) as stream:
            for slab in _slabs(seg, around, layers, number, dtype):
                stream.write(slab.data)


def _slabs(
    seg: Segmentation, around: Mapping[str, Box], layers: Mapping[str, int], number: int, dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """Yield the voxels (k, j, i, layer), some planes at a time, painted box by box in file order."""
    i, j, planes = seg.shape
    for start in range(0, planes, SLAB):
        stop = min(start + SLAB, planes)
        slab = np.zeros((stop - start, j, i, number), dtype)
        native = slab.transpose(2, 1, 0, 3)
        for key, (along_i, along_j, along_k) in around.items():
            first, last = max(start, along_k.start), min(stop, along_k.stop)
            if first < last:
                mask = seg.mask(key, (along_i, along_j, slice(first, last)))
                here = native[along_i, along_j, first - start : last - start, layers[key]]
                np.copyto(here, dtype.type(STRUCTURES[key].index), where=mask)
        yield slab.view(np.uint8).reshape(-1)
