"""Room on the disk for the results of a case, estimated before the network runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from omentum.errors import OutputError
from omentum.formatting import size
from omentum.pipeline.options import OutputFormat, SaveOptions, SegmentOptions
from omentum.pipeline.outputs import is_single_file

BASE_BYTES = 5_000_000
"""Of the files whose size does not depend on the CT: scripts of the report, tables, manifest."""
VOXEL_BYTES = 0.45
"""Of masks, report and preview; 512 x 512 x 300 with 32 structures writes about half of it."""
MASK_BYTES, MESH_BYTES = 500_000, 2_000_000
"""Of a compressed mask and of a surface."""
PROBABILITY_SHARE = 0.1
"""Of the bytes of probability maps, what compression leaves."""
FRAME_SHARE = 0.25
"""Of all slices, those that hold a structure and are therefore a frame of a DICOM segmentation (one bit a voxel)."""


def expected_bytes(options: SegmentOptions, save: SaveOptions, voxels: int, classes: int) -> int:
    """Room that the results of one CT take, generously."""
    room = BASE_BYTES + VOXEL_BYTES * voxels
    room += MASK_BYTES * classes if save.masks else 0
    room += MESH_BYTES * classes if save.meshes else 0
    if OutputFormat.DICOM_SEG in save.formats:
        room += FRAME_SHARE * voxels / 8 * classes
    if options.probabilities is not None:
        room += PROBABILITY_SHARE * voxels * classes * (2 if options.probabilities == "uint16" else 1)
    return int(room)


def free_bytes(folder: Path) -> int:
    """Free disk space where a folder is or would be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def check_room(target: Path, needed: int) -> None:
    """Refuse to compute what could not be written.

    Args:
        target: Case folder, or file for the label map alone, which takes a small part of it.
        needed: Bytes of a case folder, see `expected_bytes`.

    Raises:
        OutputError: There is less free space than the results need.
    """
    needed = needed // 8 if is_single_file(target) else needed
    if (free := free_bytes(target)) < needed:
        reason = f"needs about {size(needed)} on the disk, {size(free)} are free"
        raise OutputError(reason, source=target, remedy="free some space, choose another output, or write less")
