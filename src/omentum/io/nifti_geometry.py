"""Geometry of a NIfTI file: validated on reading, repeated bit for bit on writing.

sform takes precedence over qform; a file with neither is refused unless the caller supplies an orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from omentum.axis_order import WORLD_DIRECTIONS
from omentum.errors import GeometryError, UsageError, warn_of_case
from omentum.volume import Affine, Grid

EXTENT_MM = (5.0, 3000.0)
"""The longest edge of a scan lies in this range; outside it, the header's unit is not millimetres."""
DISAGREEMENT_MM, DISAGREEMENT_COSINE = 0.1, 1e-3
"""sform and qform differ when offset or size differ by more than the first, an axis by more than the second."""
SHEAR_DEGREES = 0.5

GEOMETRY_FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
)


@dataclass(frozen=True, eq=False)
class NiftiGeometry:
    """Geometry fields of a file exactly as stored, to be repeated in outputs on the same grid.

    Args:
        version: 1 or 2 (NIfTI-2 stores the affine in double precision).
        fields: Header field name -> stored value.
        affine: Resulting 4x4 affine, voxel index -> RAS+ mm.
    """

    version: int
    fields: dict[str, NDArray[Any]]
    affine: Affine


def read_geometry(header: Any, shape: tuple[int, int, int], source: Path, assume: str | None = None) -> NiftiGeometry:
    """Validate and interpret the geometry of a header.

    Args:
        header: nibabel's Nifti1Header or Nifti2Header.
        shape: Number of voxels along i, j, k.
        source: File name for messages.
        assume: Axis directions such as "RAS" for a header that states none.

    Raises:
        GeometryError: There is no orientation, the affine or spacing is invalid, or the extent is implausible for a
            body.
    """
    affine = _affine(header, shape, source, assume)
    try:
        grid = Grid(shape, affine)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=source) from fault
    _check_extent(grid, header, source)
    _warn_of_shear(grid, source)
    fields = {name: np.array(header[name]) for name in GEOMETRY_FIELDS}
    if header["sform_code"] > 0 and not _is_possible(np.asarray(header.get_sform(), np.float64)):
        # An invalid sform is not repeated, because other software would use it.
        fields |= {"sform_code": np.array(0), **{row: np.zeros(4) for row in ("srow_x", "srow_y", "srow_z")}}
    return NiftiGeometry(2 if isinstance(header, nib.Nifti2Header) else 1, fields, grid.affine)


def repeat_geometry(header: Any, geometry: NiftiGeometry) -> None:
    """Write the stored geometry fields into a header of the same NIfTI version."""
    for name, value in geometry.fields.items():
        header[name] = value
    header["pixdim"][4:] = 1
    header["xyzt_units"] = int(geometry.fields["xyzt_units"]) & 7


def state_geometry(header: Any, affine: Affine) -> None:
    """Write a new affine to a header: sform, and qform if a quaternion can represent it."""
    header.set_xyzt_units("mm")
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1, strip_shears=True)
    if not np.allclose(header.get_qform(), affine, rtol=0, atol=1e-3):
        header["qform_code"] = 0  # a quaternion cannot represent shear


def _affine(header: Any, shape: tuple[int, int, int], source: Path, assume: str | None) -> Affine:
    qform = _qform(header) if header["qform_code"] > 0 else None
    if header["sform_code"] > 0:
        sform = np.asarray(header.get_sform(), np.float64)
        if _is_possible(sform):
            if header["qform_code"] > 0 and _disagree(sform, qform, shape):
                _warn("sform and qform disagree; sform used", source)
            return sform
        if header["qform_code"] <= 0 and assume is None:
            return sform  # refused when a grid is created from it
    if header["qform_code"] > 0:
        if qform is None or not _is_possible(qform):
            raise GeometryError(f"voxel spacing {header['pixdim'][1:4]} or rotation is impossible", source=source)
        if header["sform_code"] > 0:
            _warn("its sform is impossible (zeros, not finite or singular); qform used", source)
        return qform
    return _assumed_affine(header, source, assume)


def _is_possible(affine: Affine) -> bool:
    """Whether an affine is valid for a `Grid`."""
    try:
        Grid((1, 1, 1), affine)
    except GeometryError:
        return False
    return True


def _qform(header: Any) -> Affine | None:
    """Affine of the quaternion; None if spacing or quaternion are invalid."""
    copy = header.copy()
    if not (np.isfinite(copy["pixdim"][1:4]).all() and min(copy["pixdim"][1:4]) > 0):
        return None
    # By the standard, any qfac other than -1 means 1.
    copy["pixdim"][0] = -1 if copy["pixdim"][0] == -1 else 1
    try:
        return np.asarray(copy.get_qform(), np.float64)
    except (ValueError, nib.spatialimages.HeaderDataError):
        return None


def _assumed_affine(header: Any, source: Path, assume: str | None) -> Affine:
    if assume is None:
        raise GeometryError(
            "states no orientation (sform and qform codes are 0)",
            source=source,
            remedy="if you know how it is stored, pass --assume-orientation RAS (or LPS, ...)",
        )
    directions = _directions(assume)
    _warn(f"orientation unknown, assuming {assume.upper()}+ as stored", source)
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(directions):
        affine[world, axis] = sign * float(header["pixdim"][1 + axis])
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


def _disagree(sform: Affine, qform: Affine | None, shape: tuple[int, int, int]) -> bool:
    if qform is None or not (np.isfinite(sform).all() and np.isfinite(qform).all()):
        return qform is None
    lengths = [np.linalg.norm(a[:3, :3], axis=0) for a in (sform, qform)]
    if min(lengths[0]) == 0:
        return True
    cosines = np.abs(sform[:3, :3] / lengths[0] - qform[:3, :3] / lengths[1]).max()
    offset_mm = np.abs(sform[:3, 3] - qform[:3, 3]).max()
    size_mm = np.abs((lengths[0] - lengths[1]) * shape).max()
    return bool(cosines > DISAGREEMENT_COSINE or max(offset_mm, size_mm) > DISAGREEMENT_MM)


def _check_extent(grid: Grid, header: Any, source: Path) -> None:
    unit = {1: "metres", 3: "micrometres"}.get(int(header["xyzt_units"]) & 7)
    extent = max(n * mm for n, mm in zip(grid.shape, grid.spacing_mm, strict=True))
    if not EXTENT_MM[0] <= extent <= EXTENT_MM[1]:
        said = f"; its header says {unit}" if unit else ""
        raise GeometryError(
            f"the scan would be {extent:g} mm long{said}, expected {EXTENT_MM[0]:g} mm to {EXTENT_MM[1]:g} mm",
            source=source,
            remedy="store the affine in millimetres",
        )
    if unit:
        _warn(f"the header says {unit} but only millimetres make sense; millimetres used", source)


def _warn_of_shear(grid: Grid, source: Path) -> None:
    unit = grid.affine[:3, :3] / np.asarray(grid.spacing_mm)
    degrees = np.degrees(np.arcsin(np.abs(unit.T @ unit - np.eye(3)).max().clip(0, 1)))
    if degrees > SHEAR_DEGREES:
        _warn(f"its axes are {degrees:.1f} degrees off the right angle (gantry tilt?); kept as they are", source)


def _warn(reason: str, source: Path) -> None:
    warn_of_case(reason, source, stacklevel=2)
