"""Read MetaImage files: `.mha`, or `.mhd` with the voxels in a file beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError
from omentum.io.metaimage.header import LOCAL, MetaImageLayout, read_metaimage_layout
from omentum.io.nifti_header import refuse_bomb
from omentum.io.several_volumes import choose_volume
from omentum.io.source import MAX_DEFLATE_RATIO, InputStream, open_source
from omentum.volume import Volume


def read_metaimage(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT (or any 3D image) from `.mha` or `.mhd`.

    Args:
        path: The file with the header.
        volume: Index along the fourth axis, from 0; required if that axis is longer than one.
        assume_orientation: Axis directions such as "RAS" for a file that states no orientation.

    Returns:
        Voxels in the stored dtype, in native byte order; the affine as stated, from LPS+ to RAS+.

    Raises:
        InputError: A file is missing, damaged, not MetaImage, or not a single real 3D image.
        GeometryError: The geometry is invalid or unknown.
    """
    path = Path(path)
    with open_source(path) as source:
        layout = read_metaimage_layout(source, path, assume_orientation)
        chosen = choose_volume(layout.grid.shape, layout.volumes, volume, path)
        with _data(source, layout, path) as (data, place, n_bytes):
            stored = _voxels(data, layout, place, n_bytes)
    one = stored[..., chosen]
    return Volume(one.astype(layout.dtype.newbyteorder("="), order="F", copy=False), layout.grid.affine)


@contextmanager
def _data(source: InputStream, layout: MetaImageLayout, path: Path) -> Iterator[tuple[InputStream, Path, int]]:
    """The file with the voxels where they begin, its name, and the bytes it has from there on."""
    if layout.data_file == LOCAL:
        yield source, path, source.most_bytes - source.stream.tell()
        return
    place = path.parent / layout.data_file
    if not place.exists():
        remedy = f"put it beside {path.name}"
        raise InputError(f"its data file {layout.data_file!r} is not there", source=path, remedy=remedy)
    with open_source(place, gunzip=False) as data:
        yield data, place, data.most_bytes


def _voxels(data: InputStream, layout: MetaImageLayout, path: Path, n_bytes: int) -> NDArray[Any]:
    """All voxels (i, j, k, volumes), a view in file order."""
    most = n_bytes * (MAX_DEFLATE_RATIO if layout.compressed else 1)
    refuse_bomb(math.prod(layout.grid.shape), layout.volumes, layout.dtype.itemsize, layout.skipped or 0, most, path)
    if not layout.compressed:
        before = n_bytes - layout.n_bytes if layout.skipped is None else layout.skipped
        if (expected := before + layout.n_bytes) != n_bytes:
            remedy = "its size or the type of its voxels is wrong in the header"
            raise InputError(f"expected {expected} bytes, got {n_bytes}", source=path, remedy=remedy)
        data.skip(before)
    content = data.inflated() if layout.compressed else data
    stored = content.read_voxels(layout.n_bytes, path).view(layout.dtype)
    return np.reshape(stored, (*layout.grid.shape, layout.volumes), order="F")
