"""Where the frames of a segmentation lie: the grid through all of them, and the slice of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError
from omentum.io.nifti_header import refuse_bomb
from omentum.volume import Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

APART_MM = 0.01
"""Frames at least so far apart along the normal are in different slices."""
ROUNDED = 0.1
"""Share of the spacing by which frames may lie beside an even stack."""
DIRECTION_TOLERANCE = 1e-3
_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_REMEDY = "without it nobody can say where its masks are"
_UNBOUNDED = 1 << 62

Vectors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FramePlaces:
    """Places of all frames.

    Args:
        grid: Column, row, slice -> RAS+ mm; slices ascend along the normal, slices without a frame are part of it.
        slices: Slice of each frame.
    """

    grid: Grid
    slices: tuple[int, ...]


def place_frames(dataset: Dataset, path: Path) -> FramePlaces:
    """Find the grid of a multi-frame segmentation by the positions of its frames, never by their order.

    Raises:
        GeometryError: Positions, directions or spacing are missing, differ, or do not form an even stack.
        InputError: The grid is too large.
    """
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    frames = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(frames) != int(dataset.NumberOfFrames):
        raise GeometryError(f"has {dataset.NumberOfFrames} frames and places for {len(frames)}", source=path)
    directions = _alike(shared, frames, "PlaneOrientationSequence", "ImageOrientationPatient", 6, path)
    row_mm, column_mm = _alike(shared, frames, "PixelMeasuresSequence", "PixelSpacing", 2, path)
    positions = np.array([_stated(shared, f, "PlanePositionSequence", "ImagePositionPatient", 3, path) for f in frames])
    normal = np.cross(directions[:3], directions[3:])
    skew = abs(float(directions[:3] @ directions[3:]))
    if max(skew, abs(float(np.linalg.norm(normal)) - 1)) > DIRECTION_TOLERANCE or min(row_mm, column_mm) <= 0:
        raise GeometryError("states impossible directions or pixel spacing", source=path)
    first, step, slices = _stack(positions, normal, _thickness_mm(shared, frames), path)
    refuse_bomb(int(dataset.Rows) * int(dataset.Columns) * (max(slices) + 1), 1, 1, 0, _UNBOUNDED, path)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = directions[:3] * column_mm, directions[3:] * row_mm
    affine[:3, 2], affine[:3, 3] = step, first
    shape = (int(dataset.Columns), int(dataset.Rows), max(slices) + 1)
    return FramePlaces(Grid(shape, _RAS_FROM_LPS @ affine), slices)


def _stack(
    positions: Vectors, normal: Vectors, stated_mm: Sequence[float], path: Path
) -> tuple[Vectors, Vectors, tuple[int, ...]]:
    """Position of the first slice, step between slices, and the slice of each frame."""
    along = positions @ normal
    lowest, highest = positions[along.argmin()], positions[along.argmax()]
    span_mm = float(along.max() - along.min())
    gaps = np.diff(np.unique(np.round(along / APART_MM))) * APART_MM
    if span_mm < APART_MM:
        spacing_mm = next(iter(stated_mm), None)
        if spacing_mm is None:
            raise GeometryError("has one slice and states no thickness of it", source=path)
        return lowest, normal * spacing_mm, (0,) * len(positions)
    for spacing_mm in (*stated_mm, float(gaps[gaps >= APART_MM].min(initial=span_mm))):
        count = round(span_mm / spacing_mm)
        if count < 1:
            continue
        step = (highest - lowest) / count  # leans where the gantry was tilted
        slices = np.rint((along - along.min()) / (span_mm / count)).astype(int)
        off = np.abs(positions - (lowest + slices[:, None] * step)).max()
        if off <= ROUNDED * span_mm / count:
            return lowest, step, tuple(int(k) for k in slices)
    raise GeometryError("has frames that are not evenly spaced", source=path, remedy="write it on the slices of its CT")


def _thickness_mm(shared: Any, frames: Sequence[Any]) -> list[float]:
    """Stated distances of slices, the most reliable first."""
    found = []
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        for group in (shared, frames[0]):
            items = group.get("PixelMeasuresSequence") if group is not None else None
            if items and items[0].get(name) and float(items[0].get(name)) > 0:
                found.append(float(items[0].get(name)))
    return found


def _alike(shared: Any, frames: Sequence[Any], sequence: str, name: str, count: int, path: Path) -> Vectors:
    """An attribute that all frames must share."""
    every = np.array([_stated(shared, frame, sequence, name, count, path) for frame in frames])
    if np.abs(every - every[0]).max() > DIRECTION_TOLERANCE:
        raise GeometryError(f"has frames of different {name}", source=path)
    return np.asarray(every[0], np.float64)


def _stated(shared: Any, frame: Any, sequence: str, name: str, count: int, path: Path) -> Vectors:
    for group in (frame, shared):
        items = group.get(sequence) if group is not None else None
        if items and items[0].get(name) is not None:
            numbers = np.array([float(x) for x in items[0].get(name)])
            if numbers.shape == (count,) and np.isfinite(numbers).all():
                return numbers
    raise GeometryError(f"has a frame without {name}", source=path, remedy=_REMEDY)
