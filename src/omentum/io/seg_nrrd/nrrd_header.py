"""Parse and validate the header of an NRRD file with pynrrd.

All checks happen before a single voxel is allocated. Format: teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nrrd
import numpy as np

from omentum.errors import GeometryError, InputError
from omentum.io.source import InputStream
from omentum.volume import Affine, Grid

MAGIC = b"NRRD"
MOST_HEADER_BYTES = 1 << 22
"""Hundreds of segments take a hundredth of it."""
MOST_LAYERS = 1024

_TO_RAS = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
_DTYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
}
_GZIP = ("gzip", "gz")
_AGAIN = "save it again with 3D Slicer as .seg.nrrd"


@dataclass(frozen=True, eq=False)
class NrrdLayout:
    """Location of the voxels in the file and in the patient.

    Args:
        sizes: Size of each axis, the fastest first.
        layer_axis: Index of the layer axis; None for three axes.
        dtype: Integer dtype of the voxels.
        compressed: Whether the data are gzip-compressed.
        grid: Grid of one layer.
        pairs: All other header fields, as text.
    """

    sizes: tuple[int, ...]
    layer_axis: int | None
    dtype: np.dtype[Any]
    compressed: bool
    grid: Grid
    pairs: Mapping[str, str]

    @property
    def layers(self) -> int:
        """Number of layers (label maps)."""
        return 1 if self.layer_axis is None else self.sizes[self.layer_axis]

    @property
    def n_bytes(self) -> int:
        """Total size of the voxels in bytes."""
        return math.prod(self.sizes) * self.dtype.itemsize


def read_nrrd_layout(source: InputStream, path: Path) -> NrrdLayout:
    """Read and interpret a whole header; nothing is allocated for it.

    Raises:
        InputError: The file is not NRRD, or describes something other than label maps in the same file.
        GeometryError: The affine is invalid or unknown.
    """
    if source.compressed:
        raise InputError("is compressed as a whole", source=path, remedy="gunzip it once")
    fields = _fields(_text(source, path), path)
    if "data file" in fields or "datafile" in fields:
        raise InputError("keeps its voxels in another file", source=path, remedy=_AGAIN)
    if any(fields.get(name, 0) for name in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise InputError("has something between header and voxels", source=path, remedy=_AGAIN)
    sizes = _sizes(fields, path)
    directions, layer_axis = _directions(fields, len(sizes), path)
    if layer_axis is not None and sizes[layer_axis] > MOST_LAYERS:
        raise InputError(f"declares {sizes[layer_axis]} layers, the limit is {MOST_LAYERS}", source=path)
    shape = tuple(n for axis, n in enumerate(sizes) if axis != layer_axis)
    grid = _grid(shape, directions, fields, path)
    pairs = {name: value for name, value in fields.items() if isinstance(value, str)}
    return NrrdLayout(sizes, layer_axis, _dtype(fields, path), _is_gzip(fields, path), grid, pairs)


def _text(source: InputStream, path: Path) -> str:
    """Header lines up to the first empty line."""
    lines: list[bytes] = []
    left = MOST_HEADER_BYTES
    while line := source.stream.readline(left):
        left -= len(line)
        if not lines and not line.startswith(MAGIC):
            raise InputError("is not an NRRD file", source=path)
        if not line.strip():
            return b"".join(lines).decode("utf-8", "replace")
        lines.append(line)
        if not left:
            raise InputError(f"its header does not end within {MOST_HEADER_BYTES} bytes", source=path)
    raise InputError(
        "ends within its header", source=path, remedy="the file was cut short, or keeps its voxels elsewhere"
    )


def _fields(text: str, path: Path) -> dict[str, Any]:
    try:
        with np.errstate(all="raise"):  # a size beyond 64 bits
            return dict(nrrd.read_header(io.StringIO(text)))
    except (nrrd.NRRDError, ValueError, TypeError, ArithmeticError, IndexError) as fault:
        raise InputError(f"has a damaged header: {fault}", source=path) from fault


def _sizes(fields: Mapping[str, Any], path: Path) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in np.atleast_1d(fields.get("sizes", ())))
    if len(sizes) != fields.get("dimension"):
        raise InputError(f"declares {fields.get('dimension')} axes and {len(sizes)} sizes", source=path)
    if len(sizes) not in (3, 4) or min(sizes) < 1:
        what = " x ".join(map(str, sizes))
        raise InputError(f"is {len(sizes)}D, {what}; expected 3 axes, or 4 with layers", source=path)
    return sizes


def _directions(fields: Mapping[str, Any], axes: int, path: Path) -> tuple[Affine, int | None]:
    """Direction matrix (3, 3) in the file's world, one column per space axis; and the axis without a direction."""
    try:
        rows = np.array(fields["space directions"], np.float64).reshape(axes, 3)
    except (KeyError, ValueError, TypeError) as fault:
        raise GeometryError("does not say which way its axes run (space directions)", source=path) from fault
    without = np.flatnonzero(np.isnan(rows).all(axis=1))
    if len(without) != axes - 3:
        raise GeometryError(f"has {axes} axes and directions of {axes - len(without)}; expected 3", source=path)
    return np.delete(rows, without, axis=0).T, int(without[0]) if axes == 4 else None


def _grid(shape: tuple[int, ...], directions: Affine, fields: Mapping[str, Any], path: Path) -> Grid:
    space = str(fields.get("space", "")).strip().lower()
    if space not in _TO_RAS:
        stated = f"lies in the space {space!r}" if space else "states no space"
        raise GeometryError(f"{stated}; expected left-posterior-superior or the like", source=path, remedy=_AGAIN)
    units = {str(unit).strip().lower() for unit in fields.get("space units", ()) or ()}
    if not units <= {"mm", "millimeter", "millimeters", "", "nan"}:
        raise GeometryError(f"is measured in {', '.join(sorted(units))}; expected mm", source=path, remedy=_AGAIN)
    origin = np.asarray(fields.get("space origin", ()), np.float64)
    if origin.shape != (3,):
        raise GeometryError("does not say where its first voxel lies (space origin)", source=path)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions, origin
    affine[:3] *= np.array(_TO_RAS[space])[:, None]
    i, j, k = shape
    try:
        return Grid((i, j, k), affine)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=path) from fault


def _dtype(fields: Mapping[str, Any], path: Path) -> np.dtype[Any]:
    kind, endian = str(fields.get("type", "")).lower(), str(fields.get("endian", "")).lower()
    if kind not in _DTYPES:
        raise InputError(f"holds voxels of type {kind or 'unknown'!r}; expected whole numbers", source=path)
    dtype = np.dtype(_DTYPES[kind])
    if dtype.itemsize > 1 and endian not in ("little", "big"):
        raise InputError("does not say which byte comes first (endian)", source=path)
    return dtype.newbyteorder(">" if endian == "big" else "<")


def _is_gzip(fields: Mapping[str, Any], path: Path) -> bool:
    encoding = str(fields.get("encoding", "")).lower()
    if encoding not in ("raw", *_GZIP):
        reason = f"has the encoding {encoding!r}; gzip and raw are read" if encoding else "states no encoding"
        raise InputError(reason, source=path, remedy=_AGAIN)
    return encoding in _GZIP
