"""Where the frames of a segmentation lie: the grid through all of them, and the slice of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError
from omentum.io.dicom.geometry import DIRECTION_TOLERANCE, LEAST_MM, ROUNDED, SPACING_TOLERANCE_MM
from omentum.io.dicom.images import MOST_MM
from omentum.io.nifti_header import refuse_bomb
from omentum.volume import RAS_FROM_LPS, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COARSER = 1.5
"""Frames so many slices of a CT apart are not next to each other on it."""
_REMEDY = "without it nobody can say where its masks are"
_UNBOUNDED = 1 << 62
MOST_SLICES = 1 << 20
"""More slices between two frames are an error of their positions."""

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


def place_frames(dataset: Dataset, path: Path, ct: Grid | None = None) -> FramePlaces:
    """Find the grid of a multi-frame segmentation by the positions of its frames, never by their order.

    Slice thickness is nominal, and counts for a single frame alone: slices may be thinner than their distance, or
    overlap.

    Args:
        dataset: The segmentation.
        path: File name for messages.
        ct: Grid of its CT, if known; the distance of its slices is used where the frames lie on them.

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
    if max(skew, abs(float(np.linalg.norm(normal)) - 1)) > DIRECTION_TOLERANCE or min(row_mm, column_mm) < LEAST_MM:
        raise GeometryError("states impossible directions or pixel spacing", source=path)
    spacings = _Spacings(positions @ normal, shared, frames[0], None if ct is None else _slice_mm(ct, normal))
    first, step, slices = _stack(positions, normal, spacings, path)
    refuse_bomb(int(dataset.Rows) * int(dataset.Columns) * (max(slices) + 1), 1, 1, 0, _UNBOUNDED, path)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = directions[:3] * column_mm, directions[3:] * row_mm
    affine[:3, 2], affine[:3, 3] = step, first
    shape = (int(dataset.Columns), int(dataset.Rows), max(slices) + 1)
    return FramePlaces(Grid(shape, RAS_FROM_LPS @ affine), slices)


@dataclass(frozen=True, eq=False)
class _Spacings:
    """What may be the distance of slices in mm.

    Args:
        along_mm: Position of each frame along the normal.
        shared, frame: Functional groups of all frames and of the first one.
        ct_mm: Distance of the slices of the CT; None if not known.
    """

    along_mm: Vectors
    shared: Any
    frame: Any
    ct_mm: float | None

    def of_one_frame(self) -> float | None:
        """For frames at a single position; None if nothing is stated or known."""
        return self._stated("SpacingBetweenSlices") or self.ct_mm or self._stated("SliceThickness")

    def of_frames(self) -> list[float]:
        """For frames at several positions, the most reliable first."""
        gaps = np.diff(np.unique(np.round(self.along_mm / SPACING_TOLERANCE_MM))) * SPACING_TOLERANCE_MM
        least = float(gaps[gaps >= SPACING_TOLERANCE_MM].min(initial=np.ptp(self.along_mm)))
        between, thickness = self._stated("SpacingBetweenSlices"), self._stated("SliceThickness")
        found = [between] if between else []
        if self.ct_mm is not None:
            # Frames that are never next to each other on the CT may be those of a coarser stack, if they say so.
            is_coarser = min(least, between or thickness or least) >= COARSER * self.ct_mm
            found = found if is_coarser else [self.ct_mm, *found]
        return [*found, least]

    def _stated(self, name: str) -> float | None:
        for group in (self.shared, self.frame):
            items = group.get("PixelMeasuresSequence") if group is not None else None
            if items and items[0].get(name) and LEAST_MM <= (stated := float(items[0].get(name))) <= MOST_MM:
                return stated
        return None


def _stack(
    positions: Vectors, normal: Vectors, spacings: _Spacings, path: Path
) -> tuple[Vectors, Vectors, tuple[int, ...]]:
    """Position of the first slice, step between slices, and the slice of each frame."""
    along = spacings.along_mm
    lowest, highest = positions[along.argmin()], positions[along.argmax()]
    span_mm = float(along.max() - along.min())
    if span_mm < SPACING_TOLERANCE_MM:
        spacing_mm = spacings.of_one_frame()
        if spacing_mm is None:
            raise GeometryError("has one slice and states no thickness of it", source=path)
        return lowest, normal * spacing_mm, (0,) * len(positions)
    for spacing_mm in spacings.of_frames():
        count = round(span_mm / spacing_mm)
        if not 1 <= count <= MOST_SLICES:
            continue
        step = (highest - lowest) / count  # leans where the gantry was tilted
        slices = np.rint((along - along.min()) / (span_mm / count)).astype(int)
        off = np.abs(positions - (lowest + slices[:, None] * step)).max()
        if off <= ROUNDED * span_mm / count:
            return lowest, step, tuple(int(k) for k in slices)
    raise GeometryError("has frames that are not evenly spaced", source=path, remedy="write it on the slices of its CT")


def _slice_mm(ct: Grid, normal: Vectors) -> float:
    """Distance of the slices of a CT along the normal (LPS) of frames."""
    return float(np.abs(RAS_FROM_LPS[:3, :3] @ normal @ ct.affine[:3, :3]).max())


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
            if numbers.shape == (count,) and (np.abs(numbers) <= MOST_MM).all():
                return numbers
    raise GeometryError(f"has a frame without {name}, or with an impossible one", source=path, remedy=_REMEDY)
