"""Read a folder with one DICOM CT series as a volume, sorted by slice position.

File names and instance numbers are never used for sorting: only positions identify the head end. A series with a gap, a
tilted gantry or two images at one position is refused; nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.dicom.choice import the_series
from omentum.io.dicom.decoder import Decoder
from omentum.io.dicom.files import Slice
from omentum.io.dicom.geometry import SPACING_TOLERANCE_MM, check_same_geometry, normal_of, position_mm, series_affine
from omentum.io.dicom.pixels import read_hu, read_stored
from omentum.io.dicom.source_image import SourceImage
from omentum.volume import Grid, Volume


@dataclass(frozen=True)
class SeriesOrder:
    """Origin of each slice k of a volume, kept in `Volume.header["dicom"]`.

    Args:
        instance_numbers: Instance number of each slice; None if missing.
        frame: See `Slice.frame`; None if slices differ.
        images: Image of each slice k.
        tilted: Grid of the images themselves, if the gantry was tilted and the volume is resampled to an upright grid:
            slice k of this grid, not of the volume, is then `images[k]`; None otherwise.
    """

    instance_numbers: tuple[int | None, ...]
    frame: str | None = None
    images: tuple[SourceImage, ...] = ()
    tilted: Grid | None = None


def read_series(folder: str | Path) -> Volume:
    """Read the CT series in a folder and its subfolders.

    Returns:
        HU, int16 if all slices are 16-bit integers, else float32; axes (column, row, slice), slices ascending along the
        cross product of row and column direction (towards the head for axial slices).

    Raises:
        InputError: There is no series, there are several, a slice is damaged or cannot be decoded, or two images share
            a position.
        GeometryError: Positions or slices are missing, spacing is uneven, the gantry is tilted, or sizes differ.
        MissingDependencyError: pydicom is not installed.
    """
    folder = Path(folder)
    with Decoder() as decoder:
        slices = _sorted_by_position(the_series(folder), folder, decoder)
        affine = series_affine(slices, folder)
        _warn_of_oddities(slices, folder)
        return Volume(_stacked([read_hu(s.path, decoder) for s in slices]), affine, {"dicom": _order(slices)})


def read_mask_series(folder: str | Path, like: Volume) -> Volume:
    """Read a mask stored as a DICOM series; any non-zero stored value is inside.

    Stored values are used because such files repeat the rescale intercept of their CT. If they do not repeat its
    positions, slices are matched with the CT by instance number.

    Args:
        folder: The series.
        like: The CT, as returned by `read_series`.

    Returns:
        bool voxels, on the grid stated by the files, or on the grid of `like` if they state none.

    Raises:
        InputError, GeometryError: As for `read_series`, or slices without positions do not match the CT.
    """
    folder = Path(folder)
    with Decoder() as decoder:
        slices = the_series(folder)
        if all(s.position_mm is None for s in slices):
            slices = _paired_by_number(slices, like, folder)
            affine, header = like.affine, dict(like.header)
        else:
            slices = _sorted_by_position(slices, folder, decoder)
            affine, header = series_affine(slices, folder), {"dicom": _order(slices)}
        return Volume(_stacked([read_stored(s.path, decoder) != 0 for s in slices]), affine, header)


def _sorted_by_position(slices: Sequence[Slice], folder: Path, decoder: Decoder) -> list[Slice]:
    check_same_geometry(slices)
    normal = normal_of(slices[0])
    ordered = sorted(slices, key=lambda s: (float(np.dot(position_mm(s), normal)), str(s.path)))
    return _without_copies(ordered, folder, decoder)


def _without_copies(ordered: list[Slice], folder: Path, decoder: Decoder) -> list[Slice]:
    """Drop exact copies of a slice; different images at one position are an error."""
    kept = ordered[:1]
    for one in ordered[1:]:
        if np.abs(position_mm(one) - position_mm(kept[-1])).max() > SPACING_TOLERANCE_MM:
            kept.append(one)
        elif not np.array_equal(read_stored(one.path, decoder), read_stored(kept[-1].path, decoder)):
            raise InputError(
                f"two different images at one position, {kept[-1].path.relative_to(folder)} and "
                f"{one.path.relative_to(folder)}",
                source=folder,
                remedy="keep one time point or phase in the folder",
            )
    if len(kept) < len(ordered):
        _warn(f"{len(ordered) - len(kept)} copies of slices left out", folder)
    return kept


def _warn_of_oddities(slices: Sequence[Slice], folder: Path) -> None:
    """Warn about irregularities that affect no voxel but suggest that the series was modified by other software."""
    uids = {one.uid for one in slices if one.uid}
    if 0 < len(uids) < len(slices):
        _warn(f"its {len(slices)} slices share {len(uids)} SOP instance UID(s); told apart by position", folder)
    if any(one.inverted for one in slices):
        _warn("is stored to be shown inverted (MONOCHROME1); HU are taken as stored, not inverted", folder)


def _paired_by_number(slices: Sequence[Slice], like: Volume, folder: Path) -> list[Slice]:
    order = like.header.get("dicom")
    by_number = {s.instance_number: s for s in slices}
    wanted = order.instance_numbers if isinstance(order, SeriesOrder) else ()
    if len(by_number) != len(slices) or set(by_number) != set(wanted) or len(wanted) != like.shape[2]:
        raise GeometryError(
            "states no positions, and its instance numbers are not those of the CT",
            source=folder,
            remedy="without either nobody can say where its slices are",
        )
    _warn("states no positions; its slices were matched to the CT's by instance number", folder)
    return [by_number[number] for number in wanted]


def _order(slices: Sequence[Slice]) -> SeriesOrder:
    frames = {s.frame for s in slices}
    numbers = tuple(s.instance_number for s in slices)
    return SeriesOrder(numbers, frames.pop() if len(frames) == 1 else None, _images(slices))


def _images(slices: Sequence[Slice]) -> tuple[SourceImage, ...]:
    return tuple(SourceImage.of_file(s.path) for s in slices)


def _stacked(images: Sequence[NDArray[Any]]) -> NDArray[Any]:
    dtype = np.result_type(*{image.dtype for image in images})
    columns, rows = images[0].shape
    # Fortran order keeps each slice contiguous, as in NIfTI.
    out = np.empty((columns, rows, len(images)), dtype, order="F")
    for k, image in enumerate(images):
        out[:, :, k] = image
    return out


def _warn(reason: str, source: Path) -> None:
    warn_of_case(reason, source, stacklevel=2)
