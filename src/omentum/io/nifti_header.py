"""Parse and validate the 348-byte (NIfTI-1) or 540-byte (NIfTI-2) header.

All checks happen before a single voxel is allocated. Standard: https://nifti.nimh.nih.gov/nifti-1 and nifti-2.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from omentum.errors import InputError
from omentum.io.nifti_geometry import NiftiGeometry, read_geometry

MAX_VOXELS = 2**31

_SIZES: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_REAL_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_NOT_REAL = {
    1: "binary",
    32: "complex",
    128: "RGB",
    1536: "128-bit float",
    1792: "complex",
    2048: "complex",
    2304: "RGBA",
}


@dataclass(frozen=True, eq=False)
class NiftiLayout:
    """Location and encoding of the voxels in a file."""

    shape: tuple[int, int, int]
    volumes: int
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    geometry: NiftiGeometry

    @property
    def volume_bytes(self) -> int:
        """Size of one stored 3D volume in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Bytes from the start of the file to the end of the last voxel."""
        return self.offset + self.volumes * self.volume_bytes


def header_class(block: bytes, source: Path) -> tuple[Any, str]:
    """Detect NIfTI-1 or NIfTI-2, and the byte order.

    Raises:
        InputError: The file is neither, or a gzip file inside a gzip file.
    """
    for order in "<>":
        size = int(np.frombuffer(block[:4].ljust(4, b"\0"), f"{order}i4")[0])
        if size in _SIZES:
            return _SIZES[size], order
    if block.startswith(b"\x1f\x8b"):
        raise InputError("is compressed twice", source=source, remedy="gunzip it once")
    if block[128:132] == b"DICM":
        raise InputError("is a DICOM file, not NIfTI", source=source, remedy="give the folder of the series")
    raise InputError("is not a NIfTI file", source=source)


def read_layout(block: bytes, source: Path, most_bytes: int, assume_orientation: str | None = None) -> NiftiLayout:
    """Validate and interpret a header block; nothing is allocated for it.

    Args:
        block: The first 348 or 540 bytes (or more).
        source: File name for messages.
        most_bytes: Upper limit of the (decompressed) file size in bytes.
        assume_orientation: Axis directions such as "RAS" for a file that states none.

    Raises:
        InputError: Dimensions, datatype, offset or scaling are invalid or not those of a real 3D/4D image; or more
            voxels are declared than are allowed, than the file can contain, or than this machine has memory for.
        GeometryError: The affine or the extent is invalid or unknown.
    """
    kind, order = header_class(block, source)
    if len(block) < kind.sizeof_hdr:
        raise InputError(f"the header is cut short: {len(block)} of {kind.sizeof_hdr} bytes", source=source)
    header = kind(block[: kind.sizeof_hdr], endianness=order, check=False)
    _check_magic(header, source)
    shape, volumes = _dimensions(header, source)
    dtype, offset = _dtype(header, source, order), _offset(header, source)
    refuse_bomb(math.prod(shape), volumes, dtype.itemsize, offset, most_bytes, source)
    slope, intercept = _scaling(header, source)
    geometry = read_geometry(header, shape, source, assume_orientation)
    return NiftiLayout(shape, volumes, dtype, offset, slope, intercept, geometry)


def refuse_bomb(voxels: int, volumes: int, itemsize: int, offset: int, most_bytes: int, source: Path) -> None:
    """Refuse an implausible declared size before memory is allocated for it.

    Args:
        voxels: Voxels per volume.
        volumes: Number of volumes.
        itemsize: Bytes per voxel.
        offset: Bytes before the first voxel.
        most_bytes: Upper limit of the (decompressed) file size in bytes.
        source: File name for messages.

    Raises:
        InputError: More voxels are declared than are allowed, than the file can contain, or than this machine has
            memory for.
    """
    end = offset + voxels * volumes * itemsize
    if voxels * volumes > MAX_VOXELS:
        raise InputError(f"declares {voxels * volumes} voxels, the limit is {MAX_VOXELS}", source=source)
    if end > most_bytes:
        raise InputError(
            f"expected {end} bytes, got at most {most_bytes}",
            source=source,
            remedy="the file was cut short or its header is wrong",
        )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
    if voxels * itemsize > memory:
        raise InputError(f"needs {voxels * itemsize} bytes of memory, this machine has {memory}", source=source)


def _check_magic(header: Any, source: Path) -> None:
    magic = bytes(header["magic"])[:3]
    if magic in (b"ni1", b"ni2"):
        raise InputError("is half of a two-file NIfTI (.hdr/.img)", source=source, remedy="convert it to one .nii file")
    if magic not in (b"n+1", b"n+2"):
        raise InputError("is not a NIfTI file (Analyze 7.5?)", source=source, remedy="convert it to NIfTI")


def _dimensions(header: Any, source: Path) -> tuple[tuple[int, int, int], int]:
    n_axes, *dims = (int(n) for n in header["dim"])
    if not 1 <= n_axes <= 7:
        raise InputError(f"declares {n_axes} axes; NIfTI has 1 to 7", source=source)
    dims = dims[:n_axes]
    if min(dims) < 1:
        raise InputError(f"declares impossible dimensions {tuple(dims)}", source=source)
    if n_axes < 3 or max(dims[4:], default=1) > 1:
        raise InputError(f"is {n_axes}D, expected a 3D CT", source=source)
    i, j, k, *rest = dims
    return (i, j, k), (rest[0] if rest else 1)


def _dtype(header: Any, source: Path, order: str) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code in _NOT_REAL:
        raise InputError(f"holds {_NOT_REAL[code]} voxels, expected one real number a voxel", source=source)
    if code not in _REAL_DTYPES:
        raise InputError(f"has unknown datatype {code}", source=source)
    return np.dtype(order + _REAL_DTYPES[code])


def _offset(header: Any, source: Path) -> int:
    # Some writers store 0 instead of the end of the header.
    offset, least = float(header["vox_offset"]), header.sizeof_hdr + 4
    offset = least if offset == 0 else offset
    if not np.isfinite(offset) or offset < least or offset != int(offset):
        raise InputError(f"voxels are said to start at byte {offset:g}, impossible", source=source)
    return int(offset)


def _scaling(header: Any, source: Path) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope):
        return 1.0, 0.0
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise InputError(f"intensity scaling is not finite: slope {slope}, intercept {intercept}", source=source)
    return slope, intercept
