"""Parse and validate the text header of a MetaImage file.

All checks happen before a single voxel is allocated. Format: itk.org/Wiki/ITK/MetaIO/Documentation, and ITK's own
reading where that says nothing: the world is LPS+, and the rows of `TransformMatrix` are the directions of the axes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

import numpy as np

from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.metaimage.data_file import MOST_HEADER_BYTES
from omentum.io.scan_grid import assumed_affine, scan_grid
from omentum.io.source import InputStream
from omentum.volume import Affine, Grid

MAGIC = re.compile(rb"\s*(ObjectType|ObjectSubType|NDims|Comment|Name|ID)\s*=")
"""How a header begins."""
LOCAL = "LOCAL"
"""Instead of a file name: the voxels follow the header."""
MOST_VOLUMES = 1024
MOST_NUMBER = 1e15
"""Beyond any size or place, and below what overflows."""

_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_RAI = "RAI"
"""How MetaImage names the axes of LPS+: from Right, from Anterior, from Inferior."""
_CODES = ("LR", "PA", "IS")
"""Where an axis comes from that grows along x, y or z of RAS+, and from where otherwise."""
_MATRIX, _OFFSET = ("TransformMatrix", "Rotation", "Orientation"), ("Offset", "Position", "Origin")
_MSB = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_SCALING = {"ElementToIntensityFunctionSlope": 1.0, "ElementToIntensityFunctionOffset": 0.0}
_KEYS = frozenset(
    {
        *("ObjectType", "NDims", "DimSize", "ElementSpacing", "ElementSize", "ElementType", "ElementNumberOfChannels"),
        *("BinaryData", "CompressedData", "HeaderSize", "AnatomicalOrientation", "ElementDataFile"),
        *(*_MATRIX, *_OFFSET, *_MSB, *_SCALING),
    }
)
_AGAIN = "save it again with SimpleITK or 3D Slicer"


@dataclass(frozen=True, eq=False)
class MetaImageLayout:
    """Location of the voxels in files and in the patient.

    Args:
        grid: Grid of one volume.
        volumes: Length of the fourth axis; 1 without one.
        dtype: Dtype of the voxels, as stored.
        compressed: Whether the data are zlib-compressed.
        data_file: Name of the file with the voxels, in the same folder; `LOCAL` if they follow the header.
        skipped: Bytes before the first voxel in that file; None: whatever there is more than voxels.
    """

    grid: Grid
    volumes: int
    dtype: np.dtype[Any]
    compressed: bool
    data_file: str
    skipped: int | None

    @property
    def n_bytes(self) -> int:
        """Total size of the voxels in bytes."""
        return math.prod(self.grid.shape) * self.volumes * self.dtype.itemsize


def read_metaimage_layout(source: InputStream, path: Path, assume_orientation: str | None = None) -> MetaImageLayout:
    """Read and interpret a whole header; nothing is allocated for it.

    Args:
        source: The file, from its beginning; afterwards it stands behind the header.
        path: File name for messages.
        assume_orientation: Axis directions such as "RAS" for a file that states no orientation.

    Raises:
        InputError: The file is not MetaImage, or describes something other than real voxels in three axes.
        GeometryError: The geometry is invalid or unknown.
    """
    if source.compressed:
        raise InputError("is compressed as a whole", source=path, remedy="gunzip it once")
    fields = _fields(source, path)
    if (kind := fields.get("ObjectType", "Image")) != "Image":
        raise InputError(f"is a MetaIO file of a {kind}, not of an image", source=path)
    shape, volumes = _sizes(fields, path)
    if any(_numbers(fields, name, 1, path)[0] != usual for name, usual in _SCALING.items() if name in fields):
        raise InputError("scales its intensities, which programs read differently", source=path, remedy=_AGAIN)
    compressed = _flag(fields, ("CompressedData",), path)
    grid = scan_grid(shape, _affine(fields, path, assume_orientation), path)
    return MetaImageLayout(
        grid, volumes, _dtype(fields, path), compressed, _data_file(fields, path), _skipped(fields, compressed, path)
    )


def _fields(source: InputStream, path: Path) -> Mapping[str, str]:
    """Keys that are used here, with their values, up to `ElementDataFile`, which is the last.

    ITK copies the header of any other format into further lines, such as `dim[0] = 3`, and notes of several lines.
    """
    fields: dict[str, str] = {}
    left = MOST_HEADER_BYTES
    while left > 0 and (line := source.stream.readline(left)):
        left -= len(line)
        if b"\0" in line:
            raise InputError("has a damaged header: it holds zero bytes", source=path)
        key, _, value = (part.strip() for part in line.decode("utf-8", "replace").partition("="))
        if key not in _KEYS:
            continue
        if key in fields:
            raise InputError(f"has a damaged header: {key} twice", source=path)
        fields[key] = value
        if key == "ElementDataFile":
            return fields
    where = f"its first {MOST_HEADER_BYTES} bytes" if left <= 0 else "its header"
    raise InputError(f"is MetaImage without ElementDataFile in {where}", source=path, remedy="the file was cut short")


def _sizes(fields: Mapping[str, str], path: Path) -> tuple[tuple[int, int, int], int]:
    axes = int(_numbers(fields, "NDims", 1, path)[0])
    if axes not in (3, 4):
        raise InputError(f"is {axes}D, expected a 3D CT", source=path)
    sizes = [int(n) if n == round(n) else 0 for n in _numbers(fields, "DimSize", axes, path)]
    if min(sizes) < 1:
        raise InputError(f"declares impossible dimensions {fields['DimSize']}", source=path)
    i, j, k, *rest = sizes
    volumes = rest[0] if rest else 1
    if volumes > MOST_VOLUMES:
        raise InputError(f"declares {volumes} volumes, the limit is {MOST_VOLUMES}", source=path)
    return (i, j, k), volumes


def _affine(fields: Mapping[str, str], path: Path, assume: str | None) -> Affine:
    axes = int(_numbers(fields, "NDims", 1, path)[0])
    spacing = _numbers(fields, "ElementSpacing" if "ElementSpacing" in fields else "ElementSize", axes, path)[:3]
    if min(spacing) <= 0:
        raise GeometryError(f"voxel spacing {' x '.join(f'{mm:g}' for mm in spacing)} is impossible", source=path)
    matrix = next((name for name in _MATRIX if name in fields), None)
    stated = fields.get("AnatomicalOrientation", "").upper()
    if matrix is None and stated not in ("", "???", _RAI):
        reason = f"states the orientation {stated} without a TransformMatrix, which programs read differently"
        raise GeometryError(reason, source=path, remedy=_AGAIN)
    if matrix is None and stated != _RAI:
        if assume is None:
            remedy = "if you know how it is stored, pass --assume-orientation LPS (or RAS, ...)"
            raise GeometryError("states no orientation (no TransformMatrix)", source=path, remedy=remedy)
        return assumed_affine(assume, spacing, path)
    directions = np.eye(axes)
    if matrix is not None:
        directions = np.reshape(_numbers(fields, matrix, axes * axes, path), (axes, axes))
    if axes == 4 and (directions[3, :3].any() or directions[:3, 3].any()):
        raise GeometryError("its fourth axis is not apart from the other three", source=path, remedy=_AGAIN)
    offset = next((name for name in _OFFSET if name in fields), None)
    if offset is None:
        raise GeometryError("does not say where its first voxel lies (Offset)", source=path, remedy=_AGAIN)
    affine = np.eye(4)
    affine[:3, :3] = directions[:3, :3].T * spacing
    affine[:3, 3] = _numbers(fields, offset, axes, path)[:3]
    affine[:2] *= -1  # LPS+ to RAS+
    if matrix is not None and _is_contradicted(stated, affine):
        warn_of_case(f"AnatomicalOrientation {stated} and {matrix} disagree; {matrix} used", path)
    return affine


def _is_contradicted(stated: str, affine: Affine) -> bool:
    """Whether the stated letters are an orientation, but not that of the affine."""
    if len(stated) != 3 or any(sum(letter in code for letter in stated) != 1 for code in _CODES):
        return False
    try:
        directions = Grid((1, 1, 1), affine).axis_directions()
    except GeometryError:
        return False  # refused as a grid
    found = "".join(_CODES[world][int(sign < 0)] for world, sign in directions)
    return stated != found


def _numbers(fields: Mapping[str, str], name: str, count: int, path: Path) -> list[float]:
    """So many numbers of a field; all finite."""
    words = fields.get(name, "").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError as fault:
        raise InputError(f"has a damaged header: {name} = {fields[name][:40]!r}", source=path) from fault
    if len(numbers) != count or not all(abs(number) <= MOST_NUMBER for number in numbers):
        kind = InputError if name in ("NDims", "DimSize") else GeometryError
        raise kind(f"has {len(numbers)} numbers for {name}, expected {count} finite ones", source=path)
    return numbers


def _flag(fields: Mapping[str, str], names: tuple[str, ...], path: Path) -> bool:
    said = {fields[name].lower() for name in names if name in fields}
    if not said <= {"true", "false"} or len(said) > 1:
        raise InputError(f"has a damaged header: {' and '.join(names)} are neither True nor False", source=path)
    return "true" in said


def _dtype(fields: Mapping[str, str], path: Path) -> np.dtype[Any]:
    kind = fields.get("ElementType", "")
    if kind not in _DTYPES:
        raise InputError(f"holds voxels of type {kind or 'unknown'!r}; expected one real number a voxel", source=path)
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise InputError(f"holds {fields['ElementNumberOfChannels']} numbers a voxel, expected one", source=path)
    if "BinaryData" in fields and not _flag(fields, ("BinaryData",), path):
        raise InputError("stores its voxels as text", source=path, remedy=_AGAIN)
    return np.dtype((">" if _flag(fields, _MSB, path) else "<") + _DTYPES[kind])


def _data_file(fields: Mapping[str, str], path: Path) -> str:
    name = fields["ElementDataFile"]
    if name.upper() == LOCAL:
        return LOCAL
    if not name or name.split()[0].upper() == "LIST" or "%" in name:
        raise InputError("keeps its voxels in several files", source=path, remedy=_AGAIN)
    if name in (".", "..") or PurePath(name).name != name or PureWindowsPath(name).name != name or "\0" in name:
        remedy = "put the data file beside the header, and its bare name into ElementDataFile"
        raise InputError(f"names a data file in another folder: {name[:80]!r}", source=path, remedy=remedy)
    return name


def _skipped(fields: Mapping[str, str], compressed: bool, path: Path) -> int | None:
    size = _numbers(fields, "HeaderSize", 1, path)[0] if "HeaderSize" in fields else 0
    if size != round(size) or size < -1 or (compressed and size != 0):
        raise InputError(f"has HeaderSize = {fields['HeaderSize']}, impossible", source=path)
    return None if size == -1 else int(size)
