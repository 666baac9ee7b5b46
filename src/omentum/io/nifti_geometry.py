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

from omentum.errors import GeometryError, warn_of_case
from omentum.io.scan_grid import assumed_affine, scan_grid
from omentum.volume import Affine, Grid

DISAGREEMENT_MM, DISAGREEMENT_COSINE = 0.1, 1e-3
"""sform and qform differ when offset or size differ by more than the first, an axis by more than the second."""

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


def read_geometry(
    header: Any, shape: tuple[int, int, int], source: Path | None, assume: str | None = None
) -> NiftiGeometry:
    """Validate and interpret the geometry of a header.

    Args:
        header: nibabel's Nifti1Header or Nifti2Header.
        shape: Number of voxels along i, j, k.
        source: File name for messages; None for an image in memory.
        assume: Axis directions such as "RAS" for a header that states none.

    Raises:
        GeometryError: There is no orientation, the affine or spacing is invalid, or the extent is implausible for a
            body.
    """
    affine = _affine(header, shape, source, assume)
    unit = {1: "metres", 3: "micrometres"}.get(int(header["xyzt_units"]) & 7, "")
    grid = scan_grid(shape, affine, source, unit)
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


def _affine(header: Any, shape: tuple[int, int, int], source: Path | None, assume: str | None) -> Affine:
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


def _assumed_affine(header: Any, source: Path | None, assume: str | None) -> Affine:
    if assume is None:
        raise GeometryError(
            "states no orientation (sform and qform codes are 0)",
            source=source,
            remedy="if you know how it is stored, pass --assume-orientation RAS (or LPS, ...)",
        )
    return assumed_affine(assume, header["pixdim"][1:4], source)


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


def _warn(reason: str, source: Path | None) -> None:
    warn_of_case(reason, source, stacklevel=2)
