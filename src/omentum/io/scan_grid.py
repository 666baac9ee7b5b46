"""What the grid of any scan must be, whatever file states it: plausible extent, right angles, a known orientation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from omentum.axis_order import WORLD_DIRECTIONS
from omentum.errors import GeometryError, UsageError, warn_of_case
from omentum.volume import Affine, Grid

EXTENT_MM = (5.0, 3000.0)
"""The longest edge of a scan lies in this range; outside it, the header's unit is not millimetres."""
SHEAR_DEGREES = 0.5


def scan_grid(shape: tuple[int, int, int], affine: Affine, source: Path | None, unit: str = "") -> Grid:
    """The grid of a scan, checked.

    Args:
        shape: Number of voxels along i, j, k.
        affine: Voxel index -> RAS+ mm.
        source: File name for messages; None for an image in memory.
        unit: Unit that the header states, if not millimetres.

    Raises:
        GeometryError: The affine is not finite and invertible, or the extent is implausible for a body.
    """
    try:
        grid = Grid(shape, affine)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=source) from fault
    _check_extent(grid, source, unit)
    _warn_of_shear(grid, source)
    return grid


def assumed_affine(letters: str, spacing_mm: Sequence[float], source: Path | None) -> Affine:
    """Affine of a file that states no orientation, from the one that the user assumes; its origin is 0.

    Args:
        letters: Axis directions such as "RAS".
        spacing_mm: Voxel spacing along i, j, k.
        source: File name for the warning.

    Raises:
        UsageError: The letters are no orientation.
    """
    directions = _directions(letters)
    warn_of_case(f"orientation unknown, assuming {letters.upper()}+ as stored", source)
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(directions):
        affine[world, axis] = sign * float(spacing_mm[axis])
    return affine


def check_orientation(letters: str) -> None:
    """Check that letters are axis directions such as "RAS".

    Raises:
        UsageError: They are not.
    """
    _directions(letters)


def check_assumed(grid: Grid, assume: str | None, source: str | Path | None) -> None:
    """Check an assumed orientation against the orientation stated by the file, if any.

    Raises:
        GeometryError: They contradict each other.
    """
    if assume is not None and grid.orientation != assume.upper():
        raise GeometryError(
            f"states the orientation {grid.orientation}, not {assume.upper()} as --assume-orientation says",
            source=source,
            remedy="leave the option out, it is for files that state none; or mend the header if it is wrong",
        )


def _directions(letters: str) -> list[tuple[int, int]]:
    directions = [WORLD_DIRECTIONS[letter] for letter in letters.upper() if letter in WORLD_DIRECTIONS]
    if not len(letters) == len(directions) == len({world for world, _ in directions}) == 3:
        raise UsageError(f"{letters!r} is no orientation", remedy="three letters, e.g. RAS or LPS")
    return directions


def _check_extent(grid: Grid, source: Path | None, unit: str) -> None:
    extent = max(n * mm for n, mm in zip(grid.shape, grid.spacing_mm, strict=True))
    if not EXTENT_MM[0] <= extent <= EXTENT_MM[1]:
        said = f"; its header says {unit}" if unit else ""
        raise GeometryError(
            f"the scan would be {extent:g} mm long{said}, expected {EXTENT_MM[0]:g} mm to {EXTENT_MM[1]:g} mm",
            source=source,
            remedy="store the affine in millimetres",
        )
    if unit:
        warn_of_case(f"the header says {unit} but only millimetres make sense; millimetres used", source)


def _warn_of_shear(grid: Grid, source: Path | None) -> None:
    axes = grid.affine[:3, :3] / np.asarray(grid.spacing_mm)
    degrees = np.degrees(np.arcsin(np.abs(axes.T @ axes - np.eye(3)).max().clip(0, 1)))
    if degrees > SHEAR_DEGREES:
        warn_of_case(f"its axes are {degrees:.1f} degrees off the right angle (gantry tilt?); kept as they are", source)
