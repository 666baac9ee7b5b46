"""Geometry of a DICOM series: checks that slices are parallel, evenly spaced and not tilted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, warn_of_case
from omentum.io.dicom.files import Slice

SPACING_TOLERANCE = 0.01
"""Distances between slices may differ from their median by this share of it (rounded positions, not gaps)."""
SPACING_TOLERANCE_MM = 0.01
ROUNDED = 0.1
"""Share of the spacing by which positions may lie beside an even line through all of them and count as rounded."""
DIRECTION_TOLERANCE = 1e-3
"""How far direction cosines of two slices may differ and still be the same."""
TILT_DEGREES = 0.5
"""More than this between the slices' normal and the line through their positions is a tilted gantry."""

_CONVERT = "convert it with dcm2niix -z y, which says what it resamples"


def check_same_geometry(slices: Sequence[Slice]) -> None:
    """Check that all slices state their position and are parallel, with equal pixel spacing.

    Raises:
        GeometryError: A slice violates this; the message names the first one.
    """
    for one in slices:
        _check_stated(one)
        if np.abs(_vector(one.directions) - _vector(slices[0].directions)).max() > DIRECTION_TOLERANCE:
            raise GeometryError("is turned against the other slices of its series", source=one.path)
        if not np.allclose(_vector(one.spacing_mm), _vector(slices[0].spacing_mm), rtol=1e-3):
            raise GeometryError("has another pixel spacing than the other slices of its series", source=one.path)


def _check_stated(one: Slice) -> None:
    stated = {"position": one.position_mm, "orientation": one.directions, "pixel spacing": one.spacing_mm}
    for what, numbers in stated.items():
        if numbers is None or not np.isfinite(numbers).all():
            raise GeometryError(
                f"states no {what}", source=one.path, remedy="without it nobody can say where the slice is"
            )
    if _vector(one.spacing_mm).min() <= 0:
        raise GeometryError(f"states an impossible pixel spacing {one.spacing_mm} mm", source=one.path)


def series_affine(slices: Sequence[Slice], folder: Path) -> NDArray[np.float64]:
    """Affine of sorted slices: index (column, row, slice) -> RAS+ mm.

    Raises:
        GeometryError: Slices are missing, unevenly spaced or tilted.
    """
    first = slices[0]
    directions, spacing_mm = _vector(first.directions), _vector(first.spacing_mm)
    affine = np.eye(4)
    affine[:3, 0] = directions[:3] * spacing_mm[0]
    affine[:3, 1] = directions[3:] * spacing_mm[1]
    affine[:3, 2] = _step(slices, folder)
    affine[:3, 3] = position_mm(first)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _step(slices: Sequence[Slice], folder: Path) -> NDArray[np.float64]:
    normal = normal_of(slices[0])
    if len(slices) == 1:
        if not slices[0].thickness_mm:
            raise GeometryError("is a single slice that states no thickness", source=folder)
        return normal * slices[0].thickness_mm
    positions = np.array([position_mm(s) for s in slices])
    gaps_mm = np.diff(positions @ normal)
    _check_even(gaps_mm, positions @ normal, folder)
    step = (positions[-1] - positions[0]) / (len(slices) - 1)
    tilt = np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1)))
    if tilt > TILT_DEGREES:
        raise GeometryError(f"its gantry is tilted by {tilt:.1f} degrees", source=folder, remedy=_CONVERT)
    return np.asarray(step, np.float64)


def _check_even(gaps_mm: NDArray[np.float64], along_mm: NDArray[np.float64], folder: Path) -> None:
    usual = float(np.median(gaps_mm)) if len(gaps_mm) > 2 else float(gaps_mm.min())
    odd = np.flatnonzero(np.abs(gaps_mm - usual) > max(SPACING_TOLERANCE * usual, SPACING_TOLERANCE_MM))
    if not len(odd):
        return
    if (off_mm := _off_even_mm(along_mm)) < ROUNDED * usual:
        text = f"slice positions are rounded, up to {off_mm:.2g} mm off an even spacing of {np.mean(gaps_mm):.4g} mm"
        warn_of_case(f"{text}; taken as even", folder, stacklevel=2)
        return
    multiples = gaps_mm[odd] / usual
    if np.abs(multiples - np.rint(multiples)).max() < 0.1 and multiples.min() > 1.5:
        missing = int(np.rint(multiples).sum()) - len(odd)
        places = ", ".join(f"{along_mm[i]:.1f} to {along_mm[i + 1]:.1f}" for i in odd[:3])
        raise GeometryError(
            f"{missing} slice(s) missing between {places} mm (spacing {usual:g} mm)",
            source=folder,
            remedy="copy or download the whole series again",
        )
    raise GeometryError(
        f"slices are unevenly spaced, {gaps_mm.min():.3g} to {gaps_mm.max():.3g} mm", source=folder, remedy=_CONVERT
    )


def _off_even_mm(along_mm: NDArray[np.float64]) -> float:
    """Maximum deviation in mm from the best evenly spaced positions; sensitive to drift and gaps, not to rounding."""
    index = np.arange(len(along_mm))
    slope, start = np.polyfit(index, along_mm, 1)
    return float(np.abs(along_mm - (slope * index + start)).max())


def position_mm(one: Slice) -> NDArray[np.float64]:
    """Centre of the first pixel, LPS, shape (3,)."""
    return _vector(one.position_mm)


def normal_of(one: Slice) -> NDArray[np.float64]:
    """Unit normal of the slice, LPS: the cross product of its row and column directions.

    Raises:
        GeometryError: Row and column directions are not orthogonal.
    """
    directions = _vector(one.directions)
    normal = np.cross(directions[:3], directions[3:])
    length = float(np.linalg.norm(normal))
    if abs(length - 1) > 0.01:
        raise GeometryError("states directions of rows and columns that are no right angle", source=one.path)
    return np.asarray(normal / length, np.float64)


def _vector(numbers: tuple[float, ...] | None) -> NDArray[np.float64]:
    return np.asarray(numbers, np.float64)
