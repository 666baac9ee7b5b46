"""Geometry of a DICOM series: checks that slices are parallel and evenly spaced; how far the gantry is tilted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, warn_of_case
from omentum.io.dicom.images import MOST_MM
from omentum.io.dicom.slices import Slice
from omentum.volume import RAS_FROM_LPS

SPACING_TOLERANCE = 0.01
"""Distances between slices may differ from the usual one by this share of it (rounded positions, not gaps)."""
SPACING_TOLERANCE_MM = 0.01
"""Images at least so far apart along the normal are in different slices."""
ROUNDED = 0.1
"""Share of the spacing by which positions may lie beside an even line through all of them and count as rounded."""
DIRECTION_TOLERANCE = 1e-3
"""How far direction cosines of two slices may differ and still be the same."""
SIDEWAYS_TOLERANCE = 0.5
"""Share of the pixel spacing by which a slice may lie beside the line through all slices."""
LEAST_MM = 1e-6
"""No voxel is smaller."""
MOST_GAPS = 3
"""Gaps named in a message."""

_CONVERT = "convert it with dcm2niix -z y, which says what it resamples"


def check_same_geometry(slices: Sequence[Slice]) -> None:
    """Check that all slices state their position and are parallel, with equal matrix and pixel spacing.

    Raises:
        GeometryError: A slice violates this; the message names the first that differs from most.
    """
    for one in slices:
        _check_stated(one)
    check_same_matrix(slices)
    usual = _most_common(slices)
    for one in slices:
        if np.abs(_vector(one.directions) - _vector(usual.directions)).max() > DIRECTION_TOLERANCE:
            raise GeometryError(f"{one.frame_words}is turned against the other slices of its series", source=one.path)
        if not np.allclose(_vector(one.spacing_mm), _vector(usual.spacing_mm), rtol=1e-3):
            reason = f"{one.frame_words}has another pixel spacing than the other slices of its series"
            raise GeometryError(reason, source=one.path)


def check_same_matrix(slices: Sequence[Slice]) -> None:
    """Check that all slices have the same number of columns and rows.

    Raises:
        GeometryError: A slice differs from most.
    """
    (usual, _), *others = Counter(one.shape for one in slices).most_common()
    if others:
        odd = next(one for one in slices if one.shape != usual)
        sizes = [f"{columns} x {rows}" for columns, rows in (odd.shape, usual)]
        raise GeometryError(f"is {sizes[0]} pixels, others of its series {sizes[1]}", source=odd.path)


def _most_common(slices: Sequence[Slice]) -> Slice:
    """The first slice of the most frequent orientation and pixel spacing."""

    def kind(one: Slice) -> tuple[tuple[float, ...], ...]:
        return tuple(np.round(_vector(one.directions), 2)), tuple(np.round(_vector(one.spacing_mm), 2))

    ((usual, _),) = Counter(map(kind, slices)).most_common(1)
    return next(one for one in slices if kind(one) == usual)


def _check_stated(one: Slice) -> None:
    stated = {"position": one.position_mm, "orientation": one.directions, "pixel spacing": one.spacing_mm}
    for what, numbers in stated.items():
        if numbers is None:
            remedy = "without it nobody can say where the slice is"
            reason = f"{one.frame_words}states no {what}, or an impossible one"
            raise GeometryError(reason, source=one.path, remedy=remedy)
    if _vector(one.spacing_mm).min() < LEAST_MM:
        spacing = " x ".join(f"{mm:g}" for mm in one.spacing_mm or ())
        reason = f"{one.frame_words}states an impossible pixel spacing {spacing} mm"
        raise GeometryError(reason, source=one.path)


def series_affine(slices: Sequence[Slice], place: Path) -> NDArray[np.float64]:
    """Affine of sorted slices: index (column, row, slice) -> RAS+ mm; sheared if the gantry is tilted.

    Raises:
        GeometryError: Slices are missing, unevenly spaced or displaced sideways.
    """
    first = slices[0]
    directions, spacing_mm = _vector(first.directions), _vector(first.spacing_mm)
    affine = np.eye(4)
    affine[:3, 0] = directions[:3] * spacing_mm[0]
    affine[:3, 1] = directions[3:] * spacing_mm[1]
    affine[:3, 2] = _step(slices, place)
    affine[:3, 3] = position_mm(first)
    return RAS_FROM_LPS @ affine


def _step(slices: Sequence[Slice], place: Path) -> NDArray[np.float64]:
    normal = normal_of(slices[0])
    if len(slices) == 1:
        thickness_mm = slices[0].thickness_mm or 0.0
        if not LEAST_MM <= thickness_mm <= MOST_MM:  # a negative one would mirror the axis
            raise GeometryError("is a single slice that states no thickness above 0 mm", source=place)
        return normal * thickness_mm
    positions = np.array([position_mm(s) for s in slices])
    _check_even(positions @ normal, place)
    step = (positions[-1] - positions[0]) / (len(slices) - 1)
    _check_straight(positions, step, normal, slices, place)
    return np.asarray(step, np.float64)


def _check_even(along_mm: NDArray[np.float64], place: Path) -> None:
    gaps_mm = np.diff(along_mm)
    usual = _usual(gaps_mm)
    odd = np.flatnonzero(np.abs(gaps_mm - usual) > max(SPACING_TOLERANCE * usual, SPACING_TOLERANCE_MM))
    if not len(odd):
        return
    if (off_mm := _off_even_mm(along_mm)) < ROUNDED * usual:
        text = f"slice positions are rounded, up to {off_mm:.2g} mm off an even spacing of {np.mean(gaps_mm):.4g} mm"
        warn_of_case(f"{text}; taken as even", place, stacklevel=2)
        return
    multiples = gaps_mm[odd] / usual
    if np.abs(multiples - np.rint(multiples)).max() < 0.1 and multiples.min() > 1.5:
        missing = np.rint(multiples).astype(int) - 1
        gaps = [
            f"{n} between {along_mm[i]:.1f} and {along_mm[i + 1]:.1f} mm" for n, i in zip(missing, odd, strict=True)
        ]
        more = f" and in {len(gaps) - MOST_GAPS} more places" if len(gaps) > MOST_GAPS else ""
        raise GeometryError(
            f"{missing.sum()} slice(s) missing: {', '.join(gaps[:MOST_GAPS])}{more} (spacing {usual:.4g} mm)",
            source=place,
            remedy="copy or download the whole series again",
        )
    raise GeometryError(
        f"slices are unevenly spaced, {gaps_mm.min():.3g} to {gaps_mm.max():.3g} mm", source=place, remedy=_CONVERT
    )


def _usual(gaps_mm: NDArray[np.float64]) -> float:
    """The most frequent distance of slices, and the smaller of two; larger ones may be gaps."""
    tenths = np.round(gaps_mm, 1)
    values, counts = np.unique(tenths, return_counts=True)
    return float(np.median(gaps_mm[tenths == values[counts.argmax()]]))


def _off_even_mm(along_mm: NDArray[np.float64]) -> float:
    """Maximum deviation in mm from the best evenly spaced positions; sensitive to drift and gaps, not to rounding."""
    index = np.arange(len(along_mm))
    slope, start = np.polyfit(index, along_mm, 1)
    return float(np.abs(along_mm - (slope * index + start)).max())


def _check_straight(
    positions: NDArray[np.float64],
    step: NDArray[np.float64],
    normal: NDArray[np.float64],
    slices: Sequence[Slice],
    place: Path,
) -> None:
    """Check that slices lie behind each other: on the line from the first to the last one, which may be tilted."""
    off = positions - positions[0] - np.arange(len(positions))[:, None] * step
    sideways_mm = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1)
    worst = int(np.argmax(sideways_mm))
    if sideways_mm[worst] > SIDEWAYS_TOLERANCE * _vector(slices[0].spacing_mm).min():
        reason = f"lies {sideways_mm[worst]:.3g} mm beside the line of its series"
        raise GeometryError(reason, source=slices[worst].path, remedy=_CONVERT)


def tilt_degrees(affine: NDArray[np.float64]) -> float:
    """Angle between the normal of the slices and the line through their positions."""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    cosine = affine[:3, 2] @ normal / np.linalg.norm(affine[:3, 2]) / np.linalg.norm(normal)
    return float(np.degrees(np.arccos(np.clip(abs(cosine), -1, 1))))


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
    if abs(length - 1) > 0.01 or abs(float(directions[:3] @ directions[3:])) > DIRECTION_TOLERANCE:
        raise GeometryError("states directions of rows and columns that are no right angle", source=one.path)
    return np.asarray(normal / length, np.float64)


def _vector(numbers: tuple[float, ...] | None) -> NDArray[np.float64]:
    return np.asarray(numbers, np.float64)
