"""A CT as a value: voxels on a grid, the grid as shape and affine.

Axes are array axes (i, j, k); world coordinates are RAS+ millimetres: x grows towards the patient's Right,
y towards Anterior, z towards Superior.
Nothing here knows a file format or moves a voxel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, UsageError

Affine = NDArray[np.float64]
Voxels = NDArray[Any]

PADDING_HU = -1024
"""The least HU of 12-bit CT: the value of voxels outside the field of view, and of missing ones."""
BODY_HU = -300
"""Voxels above it belong to the body (or to the couch): between lung or air and fat."""
GRID_TOLERANCE_MM = 0.1
"""Two grids are the same when no corner moves by more than this (reliability: label/image geometry)."""

LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
"""Signs that turn points in RAS+ (ours, NIfTI's) into LPS+ (DICOM's, ITK's), and back."""
RAS_FROM_LPS = np.diag([*LPS_FROM_RAS, 1.0])
"""The same for affines, 4x4; it is its own inverse."""

LEAST_MM, MOST_MM = 1e-9, 1e9
"""No voxel is smaller and nothing lies farther away; beyond, arithmetic on an affine would overflow."""

_AXIS_CODES = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True, eq=False)
class Grid:
    """Where voxels are in the patient.

    Args:
        shape: Number of voxels along i, j, k; each >= 1.
        affine: 4x4 float64, voxel index -> RAS+ mm. Copied and made read-only.

    Raises:
        GeometryError: shape is not three positive numbers, or the affine is not finite and invertible.
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        affine = np.array(self.affine, dtype=np.float64)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"a grid needs three positive dimensions, got {shape}")
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError("the affine must be a finite 4x4 matrix")
        if np.abs(affine).max() > MOST_MM:
            raise GeometryError(f"the affine is impossible: a number beyond {MOST_MM:g}")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() < LEAST_MM or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
            raise GeometryError("the affine is singular: two axes point the same way or one has no length")
        affine.flags.writeable = False
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j, k in mm."""
        a, b, c = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(a), float(b), float(c)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres (the determinant, so shear counts)."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def orientation(self) -> str:
        """Direction in which i, j, k grow, e.g. "RAS" or "LPS" (nearest anatomical axes, each used once)."""
        return "".join(_AXIS_CODES[world][int(sign > 0)] for world, sign in self.axis_directions())

    @property
    def words(self) -> str:
        """For people: "40 x 36 x 34 voxels of 3 x 3 x 5 mm, RAS"."""
        shape = " x ".join(str(n) for n in self.shape)
        spacing = " x ".join(f"{mm:.4g}" for mm in self.spacing_mm)
        return f"{shape} voxels of {spacing} mm, {self.orientation}"

    def __str__(self) -> str:
        """Format as `words` with the origin, for messages that compare grids."""
        origin = ", ".join(f"{mm:.1f}" for mm in self.affine[:3, 3])
        return f"{self.words}, origin ({origin}) mm"

    def axis_directions(self) -> tuple[tuple[int, int], ...]:
        """For each array axis: the world axis (0..2) it follows best and its sign, each world axis once."""
        cosines = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        # The orthogonal matrix nearest to the cosines decides, so that sheared grids get a unique answer too.
        u, _, vt = np.linalg.svd(cosines)
        rotation = u @ vt
        free, found = [0, 1, 2], {}
        for axis in np.argsort(-np.abs(rotation).max(axis=0), kind="stable"):
            world = max(free, key=lambda w: abs(rotation[w, axis]))
            found[int(axis)] = (world, 1 if rotation[world, axis] > 0 else -1)
            free.remove(world)
        return tuple(found[axis] for axis in range(3))

    def to_world(self, index: Any) -> NDArray[np.float64]:
        """RAS+ mm of voxel indices, shape (..., 3) -> (..., 3)."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def askew_degrees(self) -> float:
        """Largest angle between one of its axes and the patient's axis that this one follows best."""
        unit = np.abs(self.affine[:3, :3]) / np.linalg.norm(self.affine[:3, :3], axis=0)
        followed = [unit[world, axis] for axis, (world, _) in enumerate(self.axis_directions())]
        return float(np.degrees(np.arccos(np.clip(min(followed), -1, 1))))

    def same_as(self, other: Grid, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """True when shapes are equal and no corner voxel differs by more than `tolerance_mm`."""
        if self.shape != other.shape:
            return False
        corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(self.shape) - 1)
        return bool(np.abs(self.to_world(corners) - other.to_world(corners)).max() <= tolerance_mm)


REAL = "biuf"
"""Kinds of numpy's dtypes that are real numbers."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid, e.g. a CT in HU or a label map.

    Args:
        voxels: 3D array, any real dtype; or what numpy makes one of, such as a tensor on the CPU.
        affine: 4x4 voxel index -> RAS+ mm.
        header: Opaque description of the file the volume came from, by format name (e.g. {"nifti": ...}),
            so that an output on the same grid can repeat the file's geometry bit for bit. Never read here.

    Raises:
        GeometryError: not 3D, or impossible affine.
        UsageError: no array of numbers.
    """

    voxels: Voxels
    affine: Affine
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.voxels, np.ndarray):
            object.__setattr__(self, "voxels", _as_array(self.voxels))
        if self.voxels.dtype.kind not in REAL:
            reason = f"voxels are real numbers, not {self.voxels.dtype}"
            raise UsageError(reason, remedy="give a numpy array of real numbers")
        if self.voxels.ndim != 3:
            raise GeometryError(f"a volume has three axes, got an array of shape {self.voxels.shape}")
        object.__setattr__(self, "affine", Grid(self.voxels.shape, self.affine).affine)

    def __repr__(self) -> str:
        """One line, without the voxels."""
        return f"<{type(self).__name__} of {self.grid.words}, {self.voxels.dtype}>"

    @property
    def grid(self) -> Grid:
        """Shape and affine without the voxels."""
        return Grid(self.voxels.shape, self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        return self.grid.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel spacing along i, j, k in mm."""
        return self.grid.spacing_mm

    @property
    def orientation(self) -> str:
        """Direction in which i, j, k grow, e.g. "RAS"."""
        return self.grid.orientation

    def same_grid(self, other: Volume) -> bool:
        """True when both lie on the same grid (see `Grid.same_as`)."""
        return self.grid.same_as(other.grid)


def _as_array(voxels: Any) -> Voxels:
    kind = type(voxels).__name__
    try:
        array = np.asarray(voxels)
    except (TypeError, ValueError, RuntimeError) as fault:
        remedy = "give a numpy array; of a tensor: tensor.detach().cpu().numpy()"
        raise UsageError(f"numpy cannot take voxels from a {kind}: {fault}", remedy=remedy) from fault
    if array.dtype.kind not in REAL:
        raise UsageError(f"voxels are real numbers, not a {kind}", remedy="give a numpy array")
    return array
