"""Surfaces of structures as triangle meshes in world mm, for the 3D view and for export.

Marching cubes, decimation and file formats come from PyMCubes, fast-simplification and trimesh, which the extra
`[report]` installs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import MissingDependencyError, UsageError
from omentum.segmentation import Segmentation
from omentum.volume import Grid

FORMATS = ("stl", "obj", "glb")
NEEDED = ("mcubes", "fast_simplification", "trimesh")

SMOOTHING_VOXELS = 0.7
"""Standard deviation of the Gaussian that smooths the voxel steps of a mask."""
_MARGIN, _BELOW = 3, 1e-3
_OF_PEAK = 2 / 3
"""Upper bound of the iso-level relative to the maximum, so that one-voxel-thin structures do not shrink to points."""


@dataclass(frozen=True)
class Detail:
    """Level of detail of a surface.

    Args:
        across: Downsample the mask to about this many voxels along the longest side of its box; None keeps it.
        mm2_per_face: Target area per face in mm²,
        faces: subject to these bounds on the number of faces.
        closed: Require a watertight surface: every edge belongs to exactly two triangles.
    """

    across: int | None
    mm2_per_face: float
    faces: tuple[int, int]
    closed: bool


VIEW = Detail(96, 14.0, (400, 6000), closed=False)
FILE = Detail(None, 1.0, (2000, 200_000), closed=True)

_AGGRESSIVENESS = (7, 3, 1)
"""Settings of the decimation, tried in order. Edge collapse may pinch a thin surface; lower values remove less and
pinch less often."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangle mesh with faces counter-clockwise seen from outside.

    Args:
        vertices_mm: float32, shape (n, 3), RAS+ mm.
        faces: int32, shape (m, 3), vertex indices.
    """

    vertices_mm: NDArray[np.float32]
    faces: NDArray[np.int32]


def check_meshes(file_type: str | None) -> None:
    """Refuse an unknown or unavailable mesh format before any work.

    Raises:
        UsageError: the format is not one of `FORMATS`.
        MissingDependencyError: the libraries are not installed.
    """
    if file_type is None:
        return
    if file_type not in FORMATS:
        raise UsageError(f"unknown mesh format {file_type!r}", remedy=f"one of {', '.join(FORMATS)}")
    need_libraries()


def need_libraries() -> None:
    """Raise MissingDependencyError if a mesh library is missing."""
    if not all(find_spec(name) for name in NEEDED):
        raise MissingDependencyError(
            "surfaces need PyMCubes, fast-simplification and trimesh", remedy="pip install 'omentum[report]'"
        )


def surface_mesh(seg: Segmentation, key: str, box: Box, detail: Detail) -> Mesh:
    """Surface of a structure, closed where the edge of the image truncates it.

    Args:
        seg: Segmentation that holds the structure.
        key: Structure key.
        box: Bounding box of the structure, in voxels.
        detail: `VIEW` or `FILE`.

    Raises:
        MissingDependencyError: the libraries are not installed.
    """
    need_libraries()
    import mcubes

    mask = seg.mask(key, box)
    step = _step(mask.shape, seg.grid, detail.across)
    values = ndimage.gaussian_filter(_averaged(mask, step), SMOOTHING_VOXELS)
    corners, faces = mcubes.marching_cubes(values, _level(values, np.count_nonzero(mask) / step.prod()))
    index = (corners - _MARGIN + 0.5) * step - 0.5 + [s.start for s in box]
    fine = Mesh(seg.grid.to_world(index).astype(np.float32), _outwards(faces.astype(np.int32), seg.grid))
    return _fewer(fine, detail)


def mesh_file(mesh: Mesh, key: str, file_type: str) -> bytes:
    """Encode a mesh as a file, with the colour of the structure if the format supports colours.

    Args:
        mesh: The surface.
        key: Structure key, used as the object name.
        file_type: One of `FORMATS`.
    """
    import trimesh

    content: Any = trimesh.Scene({key: _coloured(mesh, key)}).export(file_type=file_type)
    return content.encode() if isinstance(content, str) else bytes(content)


def scene_glb(meshes: Mapping[str, Mesh]) -> bytes:
    """Several structures as one binary glTF with nodes named by structure key."""
    import trimesh

    scene = trimesh.Scene({key: _coloured(mesh, key) for key, mesh in meshes.items()})
    return bytes(scene.export(file_type="glb"))


def _step(shape: Sequence[int], grid: Grid, across: int | None) -> NDArray[np.int64]:
    """Block size of the downsampling along each axis, for a roughly isotropic result."""
    if across is None:
        return np.ones(3, np.int64)
    spacing = np.array(grid.spacing_mm)
    wanted_mm = (np.array(shape) * spacing).max() / across
    return np.asarray(np.maximum(1, np.floor(wanted_mm / spacing + 0.5)).astype(np.int64))


def _averaged(mask: NDArray[np.bool_], step: NDArray[np.int64]) -> NDArray[np.float32]:
    """Block means of the mask, padded with empty blocks."""
    wide = [(_MARGIN * s, _MARGIN * s + -n % s) for n, s in zip(mask.shape, step.tolist(), strict=True)]
    first, *others = step.tolist()
    padded = np.pad(mask, wide).view(np.uint8)
    # Sum integers along the first axis first, so that no float array has as many elements as the mask.
    values = padded.reshape(-1, first, *padded.shape[1:]).sum(axis=1, dtype=np.uint16) / np.float32(first)
    for axis, s in enumerate(others, start=1):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], s), axis=axis) / np.float32(s)
    return np.asarray(values)


def _level(values: NDArray[np.float32], voxels: float) -> float:
    """Iso-level of the surface: 0.5, or lower so that thin structures keep their volume."""
    nth = max(1, round(voxels))
    # Slightly below 0.5: a surface exactly through a voxel centre gives triangles without area.
    return min(0.5, _OF_PEAK * float(values.max()), float(np.partition(values.ravel(), -nth)[-nth])) - _BELOW


def _outwards(faces: NDArray[np.int32], grid: Grid) -> NDArray[np.int32]:
    """Orient faces outwards: the library does so in index space, which a mirrored grid inverts."""
    return faces if np.linalg.det(grid.affine[:3, :3]) > 0 else np.ascontiguousarray(faces[:, ::-1])


def _fewer(mesh: Mesh, detail: Detail) -> Mesh:
    import fast_simplification

    sides = mesh.vertices_mm[mesh.faces[:, 1:]] - mesh.vertices_mm[mesh.faces[:, :1]]
    area_mm2 = float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum()) / 2
    least, most = detail.faces
    wanted = min(max(area_mm2 / detail.mm2_per_face, least), most)
    if wanted >= len(mesh.faces):
        return mesh
    for aggressiveness in _AGGRESSIVENESS:
        corners, faces = fast_simplification.simplify(
            mesh.vertices_mm, mesh.faces, target_reduction=1 - wanted / len(mesh.faces), agg=aggressiveness
        )
        fewer = Mesh(corners.astype(np.float32), faces.astype(np.int32))
        if not detail.closed or _is_closed(fewer):
            return fewer
    return mesh


def _is_closed(mesh: Mesh) -> bool:
    """Whether each edge is used once in each direction."""
    there = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    n = len(mesh.vertices_mm)
    one, other = np.sort(there[:, 0] * n + there[:, 1]), np.sort(there[:, 1] * n + there[:, 0])
    return bool(np.array_equal(one, other)) and bool((np.diff(one) > 0).all())


def _coloured(mesh: Mesh, key: str) -> Any:
    import trimesh

    colour = [*STRUCTURES[key].colour, 255]
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.8)
    look = trimesh.visual.TextureVisuals(material=material)
    return trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False, visual=look)
