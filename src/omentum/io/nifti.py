"""Read and write CTs, masks and label maps as NIfTI-1 and NIfTI-2.

Reading: gzip is detected from the bytes, the stream is read to its end so that its checksum is verified, and the
geometry is kept as stored. Writing: an output on the grid of a NIfTI input repeats its geometry bit for bit. Nothing
else of the input header is copied, because descriptions and extensions may contain patient data.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from isal import igzip
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering, NumberingEntry
from omentum.atomic import replacing
from omentum.errors import InputError, OutputError
from omentum.io.label_table import LABEL_TABLE_CODE, STRUCTURES_CODE, label_table, structures_text
from omentum.io.nifti_encode import Extension, NiftiImage, write_image
from omentum.io.nifti_header import NiftiLayout, read_layout
from omentum.io.several_volumes import choose_volume
from omentum.io.source import InputStream, open_source
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SLAB = 64
"""Planes of a label map that are painted at once."""

_HEADER_BYTES = 540


def read_volume(path: str | Path, *, volume: int | None = None, assume_orientation: str | None = None) -> Volume:
    """Read a CT (or any 3D image) from `.nii` or `.nii.gz`.

    Args:
        path: The file.
        volume: Index of the volume in a 4D file, from 0; required if there are several.
        assume_orientation: Axis directions such as "RAS" for a file whose header states none.

    Returns:
        Voxels in the stored dtype (native byte order), or float32 if the header scales them; the affine from sform,
            else
        qform; `header["nifti"]` to write the same geometry again.

    Raises:
        InputError: The file is missing, damaged, not NIfTI, or not a single real 3D image.
        GeometryError: The geometry is invalid or unknown.
    """
    path = Path(path)
    with open_source(path) as source:
        head = source.read_up_to(_HEADER_BYTES)
        layout = read_layout(head, path, source.most_bytes, assume_orientation)
        chosen = choose_volume(layout.shape, layout.volumes, volume, path)
        stored = _stored_voxels(source, layout, chosen, path, head)
    return Volume(_scaled(stored, layout), layout.geometry.affine, {"nifti": layout.geometry})


def read_extensions(path: str | Path) -> list[Extension]:
    """Read the header extensions as (code, content), e.g. the label table of a segmentation.

    Raises:
        InputError: As for `read_volume`, for the header alone.
    """
    path = Path(path)
    with open_source(path) as source:
        head = source.read_up_to(_HEADER_BYTES)
        layout = read_layout(head, path, source.most_bytes)
        start = int.from_bytes(head[:4], "little" if layout.dtype.newbyteorder("<") == layout.dtype else "big")
        block = (head + source.read_up_to(max(0, layout.offset - len(head))))[start + 4 : layout.offset]
    return _split_extensions(block)


def write_volume(path: str | Path, volume: Volume) -> None:
    """Write voxels unscaled to `.nii` or `.nii.gz`.

    Raises:
        UsageError: The suffix or dtype is not supported by NIfTI.
        OutputError: The file cannot be written.
    """
    image = NiftiImage(volume.shape, volume.voxels.dtype, volume.affine)
    write_image(Path(path), image, [volume.voxels], volume.header.get("nifti"), ())


def write_mask(
    path: str | Path, mask: NDArray[np.bool_], like: Volume | Segmentation, structure: str | None = None
) -> None:
    """Write one boolean mask as uint8 0/1 on the grid of `like`.

    Args:
        path: `.nii.gz` or `.nii`.
        mask: On the grid of `like`.
        like: Defines the grid.
        structure: Key of the structure; its name is stored as that of value 1, so that `read_labelmap` recognises it.

    Raises:
        OutputError: The mask is on another grid, or the file cannot be written.
    """
    if mask.shape != like.shape:
        raise OutputError(f"the mask has shape {mask.shape}, its grid {like.shape}", source=path)
    image = NiftiImage(mask.shape, np.dtype(np.uint8), like.affine, what="mask", intent="label")
    extensions = [] if structure is None else _names([structure], Numbering("mask", (NumberingEntry(1, (structure,)),)))
    write_image(Path(path), image, [mask], like.header.get("nifti"), extensions)


def write_fractions(path: str | Path, steps: NDArray[Any], of: int, like: Volume | Segmentation) -> None:
    """Write values from 0 to 1, stored as integer steps; the header scaling restores 0 to 1 in any reader.

    Args:
        path: `.nii.gz` or `.nii`.
        steps: uint8 or uint16, on the grid of `like`.
        of: Number of steps that make 1.
        like: Defines the grid.

    Raises:
        OutputError: The array is on another grid, or the file cannot be written.
    """
    if steps.shape != like.shape:
        raise OutputError(f"the map has shape {steps.shape}, its grid {like.shape}", source=path)
    image = NiftiImage(steps.shape, steps.dtype, like.affine, _step(of), "probability", "estimate")
    write_image(Path(path), image, [steps], like.header.get("nifti"), ())


def _step(of: int) -> float:
    """1 / of in float32, rounded down, so that no reader gets a value above 1."""
    step = np.float32(1 / of)
    return float(step if float(step) * of <= 1 else np.nextafter(step, np.float32(0)))


def write_labelmap(path: str | Path, segmentation: Segmentation, numbering: Numbering | None = None) -> None:
    """Write a label map with the names and colours of its classes inside the file.

    The names are a Connectome Workbench label table (header extension code 30), which viewers display. Where structures
    overlap, the lesion is painted last; see `Segmentation.labelmap`.

    Args:
        path: `.nii.gz` or `.nii`.
        segmentation: The segmentation.
        numbering: Label values; those of the template by default.

    Raises:
        OutputError: The file cannot be written.
    """
    numbers = [STRUCTURES[key].index for key in segmentation.classes]
    numbers = [entry.value for entry in numbering.entries] if numbering else numbers
    image = NiftiImage(
        segmentation.shape,
        np.min_scalar_type(max(numbers, default=0)),
        segmentation.affine,
        what="labels",
        intent="label",
    )
    extensions = _names(segmentation.classes, numbering)
    write_image(Path(path), image, _label_slabs(segmentation, numbering), segmentation.header.get("nifti"), extensions)


def _names(classes: Sequence[str], numbering: Numbering | None) -> list[Extension]:
    """Header extensions with the names of label values, and with the structures that users defined."""
    texts = {LABEL_TABLE_CODE: label_table(classes, numbering), STRUCTURES_CODE: structures_text(classes)}
    return [(code, text) for code, text in texts.items() if text]


def copy_nifti(source: str | Path, target: str | Path) -> None:
    """Copy a `.nii.gz` byte for byte, or decompress it to a `.nii`; atomic.

    Raises:
        OutputError: The file cannot be read or written.
    """
    compressed = Path(target).name.lower().endswith(".gz")
    with replacing(target) as file, Path(source).open("rb") if compressed else igzip.open(source) as content:
        shutil.copyfileobj(content, file)


def _label_slabs(segmentation: Segmentation, numbering: Numbering | None) -> Iterator[NDArray[Any]]:
    """Yield the label map some planes at a time, so that the whole map is never in memory beside the masks."""
    i, j, planes = segmentation.shape
    for k in range(0, planes, SLAB):
        part = segmentation.part((slice(0, i), slice(0, j), slice(k, min(k + SLAB, planes))))
        yield part.numbered(numbering) if numbering else part.labelmap()


def _stored_voxels(source: InputStream, layout: NiftiLayout, chosen: int, path: Path, head: bytes) -> NDArray[Any]:
    """The selected volume as stored; reads the stream to its end so that a checksum error is detected."""
    before = layout.offset + chosen * layout.volume_bytes
    position = len(head)
    buffer = np.empty(layout.volume_bytes, np.uint8)
    # In a tiny file, the bytes read for the header may already include voxels.
    early = head[before : before + buffer.size]
    buffer[: len(early)] = np.frombuffer(early, np.uint8)
    position += source.skip(max(0, before - position))
    position += source.fill(buffer.data[len(early) :])
    position += source.skip(max(0, layout.end - position))
    if position < layout.end:
        raise InputError(f"expected {layout.end} bytes, got {position}", source=path, remedy="the file was cut short")
    if source.compressed:
        source.read_tail(layout.end, path)
    return cast(NDArray[Any], buffer.view(layout.dtype).reshape(layout.shape, order="F"))


def _scaled(stored: NDArray[Any], layout: NiftiLayout) -> NDArray[Any]:
    if (layout.slope, layout.intercept) == (1.0, 0.0):
        return stored.astype(stored.dtype.newbyteorder("="), order="K", copy=False)
    out = np.empty(stored.shape, np.float32, order="F")
    for k in range(stored.shape[2]):
        with np.errstate(over="ignore"):  # a value beyond float32 becomes inf and is handled by the sanity check
            out[:, :, k] = stored[:, :, k].astype(np.float64) * layout.slope + layout.intercept
    return out


def _split_extensions(block: bytes) -> list[Extension]:
    found: list[Extension] = []
    while len(block) >= 8:
        size, code = (int(n) for n in np.frombuffer(block[:8], "<i4"))
        if not 8 <= size <= len(block):
            break
        found.append((code, block[8:size].rstrip(b"\0")))
        block = block[size:]
    return found
