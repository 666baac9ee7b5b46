"""Read one DICOM CT series as a volume, sorted by slice position.

File names, frame and instance numbers are never used for sorting: only positions identify the head end. Headers are
read and checked first, pixels after that. A series with a gap, a tilted gantry or two images at one position is
refused; nothing is interpolated, unless a tilt is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.dicom.choice import the_series
from omentum.io.dicom.codecs import check_decodable
from omentum.io.dicom.geometry import (
    SPACING_TOLERANCE_MM,
    check_same_geometry,
    check_same_matrix,
    normal_of,
    position_mm,
    series_affine,
    tilt_degrees,
)
from omentum.io.dicom.pixels import PixelReader, check_rescale
from omentum.io.dicom.slices import Slice
from omentum.io.dicom.source_image import SourceImage
from omentum.io.dicom.stack import read_stack
from omentum.io.dicom.tilt import MOST_DEGREES, tilt_corrected, tilt_corrected_grid
from omentum.volume import Grid, Volume

TILT_DEGREES = 0.5
"""More than this between the slices' normal and the line through their positions is a tilted gantry."""


@dataclass(frozen=True)
class SeriesOrder:
    """Origin of each slice k of a volume, kept in `Volume.header["dicom"]`.

    Args:
        instance_numbers: Instance number of each slice; None if missing.
        frame: Hash of the frame of reference UID; None if missing or if slices differ.
        images: Image of each slice k.
        tilted: Grid of the images themselves, if the gantry was tilted and the volume is resampled to an upright grid:
            slice k of this grid is `images[k]`, and lies in the plane of slice k of the volume; None otherwise.
        left_out: What else was in the folder -> how many files.
    """

    instance_numbers: tuple[int | None, ...]
    frame: str | None = None
    images: tuple[SourceImage, ...] = ()
    tilted: Grid | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_series(
    place: str | Path,
    *,
    series: str | None = None,
    allow_tilt: bool = False,
) -> Volume:
    """Read the CT series in a folder and its subfolders, or in a file with a multi-frame image.

    Args:
        place: Folder or file.
        series: Which of several: its number, or the code by which a refusal lists it.
        allow_tilt: Resample slices of a tilted gantry to an upright grid, which loses a little sharpness.

    Returns:
        HU, int16 if all slices are 16-bit integers, else float32; axes (column, row, slice), slices ascending along the
        cross product of row and column direction (towards the head for axial slices).

    Raises:
        InputError: There is no series, there are several, a slice is damaged or cannot be decoded, or two images share
            a position.
        GeometryError: Positions or slices are missing, spacing is uneven, the gantry is tilted, or sizes differ.
        MissingDependencyError: pydicom, or the decoder of a compressed image, is not installed.
    """
    place = Path(place)
    chosen = the_series(place, series)
    slices = chosen.slices
    if len(slices) == 1 and not place.is_dir():
        remedy = "give the folder that holds its whole series"
        raise InputError("is a single DICOM image", source=place, remedy=remedy)
    check_rescale(slices)
    ordered = _sorted_by_position(slices, place)
    affine = series_affine(ordered, place)
    tilt = tilt_degrees(affine)
    if tilt > TILT_DEGREES:
        _check_tilt(tilt, allow_tilt, place)
    _warn_of_oddities(ordered, place)
    voxels = read_stack(ordered, PixelReader.hu)
    order = replace(_order(ordered), left_out=dict(chosen.left_out))
    if tilt <= TILT_DEGREES:
        return Volume(voxels, affine, {"dicom": order})
    tilted = Grid(voxels.shape, affine)
    upright = tilt_corrected_grid(tilted)
    order = replace(order, tilted=tilted)
    return Volume(tilt_corrected(voxels, tilted, upright), upright.affine, {"dicom": order})


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
    slices: Sequence[Slice] = the_series(folder).slices
    if all(s.position_mm is None for s in slices):
        check_same_matrix(slices)
        check_decodable(slices)
        slices = _paired_by_number(slices, like, folder)
        affine, header = like.affine, dict(like.header)
    else:
        slices = _sorted_by_position(slices, folder)
        affine, header = series_affine(slices, folder), {"dicom": _order(slices)}
    return Volume(read_stack(slices, lambda reader, one: reader.stored(one) != 0), affine, header)


def _sorted_by_position(slices: Sequence[Slice], place: Path) -> list[Slice]:
    check_same_geometry(slices)
    check_decodable(slices)
    normal = normal_of(slices[0])
    ordered = sorted(slices, key=lambda s: (float(np.dot(position_mm(s), normal)), str(s.path), s.frame_index))
    return _without_copies(ordered, place)


def _without_copies(ordered: list[Slice], place: Path) -> list[Slice]:
    """Drop exact copies of a slice; different images at one position are an error."""
    kept = ordered[:1]
    with PixelReader() as reader:
        for one in ordered[1:]:
            if np.abs(position_mm(one) - position_mm(kept[-1])).max() > SPACING_TOLERANCE_MM:
                kept.append(one)
            elif not _is_same_image(one, kept[-1], reader):
                raise InputError(
                    f"two different images at one position, {_named(kept[-1], place)} and {_named(one, place)}",
                    source=place,
                    remedy="keep one time point or phase in the folder",
                )
    if len(kept) < len(ordered):
        _warn(f"{len(ordered) - len(kept)} copies of slices left out", place)
    return kept


def _is_same_image(one: Slice, other: Slice, reader: PixelReader) -> bool:
    scales = [(s.rescale.slope, s.rescale.intercept) for s in (one, other)]
    return scales[0] == scales[1] and np.array_equal(reader.stored(one), reader.stored(other))


def _named(one: Slice, place: Path) -> str:
    """File of a slice, relative to its folder, and its frame."""
    name = one.path.name if one.path == place else str(one.path.relative_to(place))
    return name if one.image.frame_number is None else f"frame {one.image.frame_number} of {name}"


def _check_tilt(degrees: float, allow_tilt: bool, place: Path) -> None:
    reason = f"its gantry is tilted by {degrees:.1f} degrees"
    if degrees > MOST_DEGREES:
        raise GeometryError(f"{reason}, more than any gantry tilts: its positions are wrong", source=place)
    if not allow_tilt:
        remedy = "resample it to an upright grid with --allow-tilt"
        raise GeometryError(reason, source=place, remedy=remedy)
    _warn(f"{reason}; resampled to an upright grid", place)


def _warn_of_oddities(slices: Sequence[Slice], place: Path) -> None:
    """Warn about irregularities that affect no voxel but suggest that the series was modified by other software."""
    images = {(one.identity.uid, one.frame_index) for one in slices if one.identity.uid}
    if 0 < len(images) < len(slices):
        _warn(f"its {len(slices)} slices share {len(images)} SOP instance UID(s); told apart by position", place)
    frames = {one.identity.frame_of_reference for one in slices} - {None}
    if len(frames) > 1:
        _warn(f"its slices state {len(frames)} frames of reference; taken as one, as they form one stack", place)
    if any(one.is_inverted for one in slices):
        _warn("is stored to be shown inverted (MONOCHROME1); HU are taken as stored, not inverted", place)
    if unstated := [one for one in slices if not one.rescale.is_stated]:
        example = f"{len(unstated)} slice(s), e.g. {_named(unstated[0], place)},"
        _warn(f"{example} state no rescale intercept; stored numbers taken as HU", place)


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
    frames = {s.identity.frame_of_reference for s in slices}
    return SeriesOrder(
        instance_numbers=tuple(s.instance_number for s in slices),
        frame=frames.pop() if len(frames) == 1 else None,
        images=tuple(s.image for s in slices),
    )


def _warn(reason: str, source: Path) -> None:
    warn_of_case(reason, source, stacklevel=2)
