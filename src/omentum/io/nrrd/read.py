"""Read NRRD images: a CT, or a label map without segments."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.io.nifti_header import refuse_bomb
from omentum.io.nrrd.header import NrrdLayout, read_nrrd_layout
from omentum.io.scan_grid import scan_grid
from omentum.io.several_volumes import choose_volume
from omentum.io.source import MAX_DEFLATE_RATIO, InputStream, open_source
from omentum.volume import Volume


def read_nrrd(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT (or any 3D image) from `.nrrd`.

    Args:
        path: The file.
        volume: Index along the axis without a direction, from 0; required if that axis is longer than one.
        assume_orientation: Axis directions such as "RAS" for a file that states no space.

    Returns:
        Voxels in the stored dtype, in native byte order; the affine as stated, from LPS+ or LAS+ to RAS+.

    Raises:
        InputError: The file is missing, damaged, not NRRD, or not a single real 3D image in one file.
        GeometryError: The geometry is invalid or unknown.
    """
    path = Path(path)
    with open_source(path) as source:
        layout = read_nrrd_layout(source, path, assume_orientation)
        grid = scan_grid(layout.grid.shape, layout.grid.affine, path)
        chosen = choose_volume(grid.shape, layout.layers, volume, path)
        stored = read_layers(source, layout, path)[chosen]
    return Volume(stored.astype(layout.dtype.newbyteorder("="), order="F", copy=False), grid.affine)


def read_layers(source: InputStream, layout: NrrdLayout, path: Path) -> NDArray[Any]:
    """All voxels (layers, i, j, k), a view in file order; `source` stands behind the header.

    Raises:
        InputError: There are fewer bytes than the header declares, or far more; or the data are damaged.
    """
    most = source.most_bytes * (MAX_DEFLATE_RATIO if layout.compressed else 1)
    refuse_bomb(math.prod(layout.grid.shape), 1, layout.dtype.itemsize * layout.layers, 0, most, path)
    content = source.gunzipped() if layout.compressed else source
    array = content.read_voxels(layout.n_bytes, path).view(layout.dtype).reshape(layout.sizes, order="F")
    return array[None] if layout.layer_axis is None else np.moveaxis(array, layout.layer_axis, 0)
