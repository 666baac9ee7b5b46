"""NIfTI files with one thing wrong each, made on the spot."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

SHAPE = (8, 9, 10)
HEADER_END = 352


def nifti(voxels: Any = None, *, version: int = 1, order: str = "<", **fields: Any) -> bytes:
    """A good `.nii` of 2 mm voxels with an sform, after setting some header fields.

    Args:
        voxels: Written in `order`; int16 noise by default.
        fields: Raw header fields, e.g. `dim=[3, 0, 1, 1, 1, 1, 1, 1]`.
    """
    if voxels is None:
        voxels = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    voxels = np.asarray(voxels)
    header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=order)
    header.set_data_dtype(voxels.dtype.newbyteorder(order))
    header.set_data_shape(voxels.shape)
    header["pixdim"][1:4] = 2
    header["scl_slope"], header["scl_inter"] = 1, 0
    header.set_sform(np.diag([2.0, 2.0, 2.0, 1.0]), code=1)
    header["vox_offset"] = header.sizeof_hdr + 4
    header["magic"] = b"n+1" if version == 1 else b"n+2"
    for name, value in fields.items():
        header[name] = value
    body = voxels.astype(voxels.dtype.newbyteorder(order)).tobytes(order="F")
    return bytes(header.binaryblock) + b"\0" * 4 + body


def flipped(data: bytes, at: int) -> bytes:
    """One byte changed."""
    changed = bytearray(data)
    changed[at] ^= 0x55
    return bytes(changed)


def stored(data: bytes) -> bytes:
    """gzip without compression, so that a changed voxel leaves the deflate stream valid."""
    return gzip.compress(data, 0)


def bomb(declared: bytes) -> bytes:
    """A file whose stream goes on for 64 MiB after the declared end and is then cut off."""
    return gzip.compress(declared + bytes(64 << 20), 1)[:-1000]


GOOD = nifti()
SHEAR_20 = np.eye(4)
SHEAR_20[:3, :3] = 2 * np.array([[1, np.tan(np.radians(20)), 0], [0, 1, 0], [0, 0, 1]])


def sform(affine: np.ndarray) -> dict[str, Any]:
    return {f"srow_{axis}": affine[row] for row, axis in enumerate("xyz")}


NO_ORIENTATION = nifti(sform_code=0, qform_code=0)
QFORM_ONLY = {"sform_code": 0, "qform_code": 1}

FAULTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "01 gz cut in half": (lambda: (z := gzip.compress(GOOD))[: len(z) // 2], "compressed data ends too early"),
    "02 raw cut": (lambda: GOOD[:-100], rf"expected {len(GOOD)} bytes, got at most {len(GOOD) - 100}"),
    "02 stream short": (lambda: gzip.compress(GOOD[:-100]), rf"expected {len(GOOD)} bytes, got {len(GOOD) - 100}"),
    "03 header only": (lambda: GOOD[:HEADER_END], rf"expected {len(GOOD)} bytes, got at most {HEADER_END}"),
    "03 cut header": (lambda: GOOD[:100], "header is cut short: 100 of 348 bytes"),
    "03 two bytes": (lambda: GOOD[:2], "header is cut short: 2 of 348"),
    "04 empty": (lambda: b"", "file is empty"),
    "04 empty in gz": (lambda: gzip.compress(b""), "not a NIfTI file"),
    "05 text": (lambda: b"the quick brown fox " * 50, "not a NIfTI file"),
    "05 web page": (lambda: b"\n<!DOCTYPE HTML><html>404</html>", "this is a web page"),
    "05 lfs pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run git lfs pull"),
    "05 dicom": (lambda: bytes(128) + b"DICM" + bytes(400), "is a DICOM file"),
    "06 gz in gz": (lambda: gzip.compress(gzip.compress(GOOD)), "is compressed twice"),
    "08 damaged deflate": (lambda: flipped(gzip.compress(GOOD), 12), "compressed data is damaged"),
    "09 crc": (lambda: flipped(stored(GOOD), 700), "compressed data is damaged: CRC check failed"),
    "09 length": (lambda: flipped(gzip.compress(GOOD), -1), "compressed data is damaged"),
    "11 dim bomb": (lambda: nifti(dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]), "declares 27000000000000 voxels"),
    "11 dim bomb below the limit": (lambda: nifti(dim=[3, 1200, 1200, 1200, 1, 1, 1, 1], datatype=64), "got at most"),
    "11 dim bomb in gz": (
        lambda: gzip.compress(nifti(dim=[3, 1200, 1200, 1200, 1, 1, 1, 1])),
        "expected 3456000352 bytes, got at most",
    ),
    "11 dim bomb overflowing 64 bits": (
        lambda: nifti(version=2, dim=[4, 2**40, 2**40, 2**40, 2**40, 1, 1, 1]),
        f"declares {2**160} voxels, the limit is 2147483648",
    ),
    "12 gz bomb": (lambda: bomb(GOOD), "far more data than"),
    "13 negative dim": (lambda: nifti(dim=[3, 8, -9, 10, 1, 1, 1, 1]), r"impossible dimensions \(8, -9, 10\)"),
    "13 zero dim": (lambda: nifti(dim=[3, 8, 0, 10, 1, 1, 1, 1]), r"impossible dimensions \(8, 0, 10\)"),
    "13 nine axes": (lambda: nifti(dim=[9, 8, 9, 10, 1, 1, 1, 1]), "declares 9 axes"),
    "14 unknown datatype": (lambda: nifti(datatype=7777), "unknown datatype 7777"),
    "15 vox_offset nan": (lambda: nifti(vox_offset=np.nan), "start at byte nan"),
    "15 vox_offset huge": (lambda: nifti(vox_offset=1e15), "expected 9999.*got at most"),
    "15 vox_offset infinite": (lambda: nifti(vox_offset=np.inf), "start at byte inf"),
    "15 vox_offset inside header": (lambda: nifti(vox_offset=100), "start at byte 100"),
    "16 slope inf": (lambda: nifti(scl_slope=np.inf), "scaling is not finite: slope inf"),
    "16 inter nan": (lambda: nifti(scl_slope=2, scl_inter=np.nan), "scaling is not finite.*intercept nan"),
    "17 pixdim 0": (lambda: nifti(**QFORM_ONLY, pixdim=[1, 0, 2, 2, 1, 1, 1, 1]), "voxel spacing.*impossible"),
    "17 quaternion beyond 1": (lambda: nifti(**QFORM_ONLY, quatern_b=0.9, quatern_c=0.9), "rotation is impossible"),
    "19 singular": (lambda: nifti(**sform(np.diag([2.0, 0.0, 2.0, 1.0]))), "affine is singular"),
    "19 nan": (lambda: nifti(srow_y=[0, np.nan, 0, 0]), "affine must be a finite"),
    "20 metres": (lambda: nifti(**sform(np.diag([0.002] * 3 + [1])), xyzt_units=1), "mm long; its header says metres"),
    "20 micrometres": (lambda: nifti(**sform(np.diag([2000.0] * 3 + [1]))), "20000 mm long, expected 5 mm to 3000 mm"),
    "26 no orientation": (lambda: NO_ORIENTATION, "states no orientation.*--assume-orientation"),
    "28 4D": (lambda: nifti(np.zeros((8, 9, 10, 3), np.int16)), "is 4D with 3 volumes.*--volume"),
    "29 5D": (lambda: nifti(np.zeros((8, 9, 10, 1, 2), np.int16)), "is 5D, expected a 3D CT"),
    "29 2D": (lambda: nifti(np.zeros((8, 9), np.int16)), "is 2D, expected a 3D CT"),
    "30 RGB": (lambda: nifti(datatype=128), "holds RGB voxels"),
    "30 complex": (lambda: nifti(np.zeros(SHAPE, np.complex64)), "holds complex voxels"),
    "36 lonely hdr": (lambda: nifti(magic=b"ni1")[:348], "half of a two-file NIfTI"),
    "36 analyze": (lambda: nifti(magic=b""), "Analyze"),
}  # fmt: skip


def write(folder: Path, data: bytes, name: str = "ct.nii") -> Path:
    """The bytes as a file, whatever its name promises."""
    path = folder / name
    path.write_bytes(data)
    return path
