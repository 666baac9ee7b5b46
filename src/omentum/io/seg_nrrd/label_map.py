"""A label map as a plain NRRD image: one value a voxel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from isal import igzip

from omentum.anatomy.numbering import Numbering
from omentum.atomic import replacing
from omentum.io.seg_nrrd.fields import header_lines
from omentum.io.seg_nrrd.write import GZIP_LEVEL
from omentum.segmentation import Segmentation


def write_nrrd_labels(path: str | Path, seg: Segmentation, numbering: Numbering) -> None:
    """Write the label values of a numbering; names are for another file.

    Args:
        path: `.nrrd`.
        seg: The segmentation.
        numbering: Label values; uint8 if they allow it.

    Raises:
        OutputError: The file cannot be written.
    """
    highest = max((entry.value for entry in numbering.entries), default=0)
    dtype = np.min_scalar_type(highest).newbyteorder("<")
    head = "\n".join([*header_lines(seg.grid, 1, dtype), "", ""])
    with replacing(path) as file:
        file.write(head.encode())
        with igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0) as stream:
            stream.write(seg.numbered(numbering).astype(dtype).tobytes(order="F"))
