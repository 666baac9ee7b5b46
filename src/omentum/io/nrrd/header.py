"""Parse and validate the header of an NRRD file with pynrrd.

All checks happen before a single voxel is allocated. Format: teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nrrd
import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, InputError
from omentum.io.scan_grid import assumed_affine
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
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), "i8"),
    **dict.fromkeys(("int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
}
_GZIP = ("gzip", "gz")
_AGAIN = "save it again with 3D Slicer, as one .nrrd (masks: .seg.nrrd)"


@dataclass(frozen=True, eq=False)
class NrrdLayout:
    """Location of the voxels in the file and in the patient.

    Args:
        sizes: Size of each axis, the fastest first.
        layer_axis: Index of the layer axis; None for three axes.
        dtype: Dtype of the voxels, as stored.
        type_name: Its name in the file.
        compressed: Whether the data are gzip-compressed.
        grid: Grid of one layer.
        pairs: All other header fields, as text.
    """

    sizes: tuple[int, ...]
    layer_axis: int | None
    dtype: np.dtype[Any]
    type_name: str
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


def header_lines_of(stream: BinaryIO | io.BufferedIOBase) -> Iterator[bytes]:
    """Yield lines up to the first empty one, the end of the file, or the limit for a header."""
    left = MOST_HEADER_BYTES
    while left and (line := stream.readline(left)).strip():
        left -= len(line)
        yield line


def read_nrrd_layout(source: InputStream, path: Path, assume_orientation: str | None = None) -> NrrdLayout:
    """Read and interpret a whole header; nothing is allocated for it.

    Args:
        source: The file, from its beginning; afterwards it stands at the first byte of the data.
        path: File name for messages.
        assume_orientation: Axis directions such as "RAS" for a file that states no space.

    Raises:
        InputError: The file is not NRRD, or describes something other than real voxels in the same file.
        GeometryError: The affine is invalid or unknown.
    """
    if source.compressed:
        raise InputError("is compressed as a whole", source=path, remedy="gunzip it once")
    fields = _fields(_text(source, path), path)
    if "data file" in fields or "datafile" in fields:
        raise InputError("keeps its voxels in another file", source=path, remedy=_AGAIN)
    if not fields.keys().isdisjoint(("old min", "oldmin", "old max", "oldmax")):
        raise InputError("holds quantised values (old min, old max)", source=path, remedy=_AGAIN)
    if any(fields.get(name, 0) for name in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise InputError("has something between header and voxels", source=path, remedy=_AGAIN)
    sizes = _sizes(fields, path)
    if assume_orientation is not None and not fields.get("space"):
        fields = fields | _assumed(fields, assume_orientation, len(sizes), path)
    to_ras = _to_ras(fields, path)
    directions, layer_axis = _directions(fields, len(sizes), path)
    if layer_axis is not None and sizes[layer_axis] > MOST_LAYERS:
        raise InputError(f"declares {sizes[layer_axis]} layers, the limit is {MOST_LAYERS}", source=path)
    shape = tuple(n for axis, n in enumerate(sizes) if axis != layer_axis)
    grid = _grid(shape, to_ras[:, None] * directions, to_ras, fields, path)
    pairs = {name: value for name, value in fields.items() if isinstance(value, str)}
    dtype, type_name = _dtype(fields, path)
    return NrrdLayout(sizes, layer_axis, dtype, type_name, _is_gzip(fields, path), grid, pairs)


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
    if any(line.lower().replace(b" ", b"").startswith(b"datafile:") for line in lines):
        raise InputError("keeps its voxels in another file", source=path, remedy=_AGAIN)
    raise InputError("is an NRRD file that ends within its header", source=path, remedy="the file was cut short")


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


def _to_ras(fields: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    """Signs of the file's world axes in RAS+."""
    space = str(fields.get("space", "")).strip().lower()
    if space not in _TO_RAS:
        stated = f"lies in the space {space!r}" if space else "states no space"
        remedy = _AGAIN if space else "if you know how it is stored, pass --assume-orientation LPS (or RAS, ...)"
        raise GeometryError(f"{stated}; expected left-posterior-superior or the like", source=path, remedy=remedy)
    return np.array(_TO_RAS[space], np.float64)


def _grid(shape: tuple[int, ...], directions: Affine, to_ras: Affine, fields: Mapping[str, Any], path: Path) -> Grid:
    units = {str(unit).strip().lower() for unit in fields.get("space units", ()) or ()}
    if not units <= {"mm", "millimeter", "millimeters", "", "nan"}:
        raise GeometryError(f"is measured in {', '.join(sorted(units))}; expected mm", source=path, remedy=_AGAIN)
    origin = np.asarray(fields.get("space origin", ()), np.float64)
    if origin.shape != (3,):
        raise GeometryError("does not say where its first voxel lies (space origin)", source=path)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions, origin * to_ras
    i, j, k = shape
    try:
        return Grid((i, j, k), affine)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=path) from fault


def _assumed(fields: Mapping[str, Any], letters: str, axes: int, path: Path) -> dict[str, Any]:
    """Fields of the geometry that the user assumes, with the spacings of the file."""
    spacings = np.atleast_1d(np.asarray(fields.get("spacings", ()), np.float64))
    if spacings.shape != (axes,) or np.isfinite(spacings).sum() != 3 or not (spacings[np.isfinite(spacings)] > 0).all():
        raise GeometryError("does not say how far its voxels are apart (spacings)", source=path, remedy=_AGAIN)
    spatial = np.isfinite(spacings)
    directions = np.full((axes, 3), np.nan)
    directions[spatial] = assumed_affine(letters, spacings[spatial].tolist(), path)[:3, :3].T
    return {"space": "ras", "space directions": directions, "space origin": np.zeros(3)}


def _dtype(fields: Mapping[str, Any], path: Path) -> tuple[np.dtype[Any], str]:
    kind, endian = str(fields.get("type", "")).lower(), str(fields.get("endian", "")).lower()
    if kind not in _DTYPES:
        raise InputError(f"holds voxels of type {kind or 'unknown'!r}; expected real numbers", source=path)
    dtype = np.dtype(_DTYPES[kind])
    if dtype.itemsize > 1 and endian not in ("little", "big"):
        raise InputError("does not say which byte comes first (endian)", source=path)
    return dtype.newbyteorder(">" if endian == "big" else "<"), kind


def _is_gzip(fields: Mapping[str, Any], path: Path) -> bool:
    encoding = str(fields.get("encoding", "")).lower()
    if encoding not in ("raw", *_GZIP):
        reason = f"has the encoding {encoding!r}; gzip and raw are read" if encoding else "states no encoding"
        raise InputError(reason, source=path, remedy=_AGAIN)
    return encoding in _GZIP
