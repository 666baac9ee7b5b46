"""`.seg.nrrd` files as somebody else might have written them, or damaged them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from omentum.io.seg_nrrd.fields import pair_lines

Described = tuple[str, str, int | None, int | None]
"""ID, name, layer, value; what is "" or None is not written."""
_TYPES = {"u1": "uchar", "u2": "ushort", "i2": "short", "i4": "int", "f4": "float", "f8": "double"}


def pairs_of(pairs: Mapping[str, str]) -> list[str]:
    return list(pair_lines(pairs))


def seg_nrrd(folder: Path, voxels: Any, segments: Sequence[Described] = (), **fields: str | None) -> Path:
    """A good file of 2 mm voxels at (10, 20, 30) mm in its space, after setting or leaving out some fields.

    Args:
        folder: Where it goes.
        voxels: With layers on the first axis, or without.
        segments: See `Described`.
        fields: By NRRD's names; None leaves a field out.
    """
    voxels = np.asarray(voxels)
    encoding = fields.get("encoding", "gzip")
    given = {
        "type": _TYPES[voxels.dtype.str[1:]],
        "dimension": str(voxels.ndim),
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, voxels.shape)),
        "space directions": "none " * (voxels.ndim - 3) + "(2,0,0) (0,2,0) (0,0,2)",
        "endian": "big" if voxels.dtype.str.startswith(">") else "little",
        "encoding": encoding,
        "space origin": "(10,20,30)",
    }
    given |= fields
    lines = ["NRRD0004", "# a comment", *(f"{name}: {value}" for name, value in given.items() if value is not None)]
    for n, (key, name, layer, value) in enumerate(segments):
        told = {"ID": key, "Name": name, "Layer": layer, "LabelValue": value}
        lines += [f"Segment{n}_{field}:={said}" for field, said in told.items() if said not in ("", None)]
    body = voxels.tobytes(order="F")
    path = folder / "s.seg.nrrd"
    path.write_bytes("\n".join([*lines, "", ""]).encode() + (gzip.compress(body) if encoding == "gzip" else body))
    return path
