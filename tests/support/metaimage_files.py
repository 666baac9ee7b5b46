"""MetaImage files as somebody else might have written them, or damaged them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {"i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_INT", "u4": "MET_UINT"}
_TYPES |= {"i8": "MET_LONG_LONG", "f4": "MET_FLOAT", "f8": "MET_DOUBLE"}


def metaimage(folder: Path, voxels: Any, name: str = "ct.mha", data_name: str = "ct.raw", **fields: str | None) -> Path:
    """A good file of 2 mm voxels at (10, 20, 30) mm in LPS+, after setting or leaving out some fields.

    Args:
        folder: Where it goes.
        voxels: 3D or 4D.
        name: `.mha`, or `.mhd` with the voxels in `data_name`.
        data_name: See above.
        fields: By MetaImage's names; None leaves a field out.
    """
    voxels = np.asarray(voxels)
    axes = voxels.ndim
    compressed = fields.get("CompressedData") == "True"
    given = {
        "ObjectType": "Image",
        "NDims": str(axes),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(voxels.dtype.str.startswith(">")),
        "CompressedData": "False",
        "TransformMatrix": " ".join(f"{n:g}" for n in np.eye(axes).ravel()),
        "Offset": "10 20 30 0"[: 8 if axes == 3 else None],
        "ElementSpacing": " ".join(["2"] * axes),
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": _TYPES[voxels.dtype.str[1:]],
        "ElementDataFile": "LOCAL" if name.endswith(".mha") else data_name,
    }
    given |= fields
    given["ElementDataFile"] = given.pop("ElementDataFile")  # the last, whatever was set
    head = "".join(f"{key} = {value}\n" for key, value in given.items() if value is not None).encode()
    body = voxels.tobytes(order="F")
    body = zlib.compress(body) if compressed else body
    path = folder / name
    path.write_bytes(head + (body if name.endswith(".mha") else b""))
    if not name.endswith(".mha"):
        (folder / data_name).write_bytes(body)
    return path
