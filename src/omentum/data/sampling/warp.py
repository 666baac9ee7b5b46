"""Spatial augmentation: a coarse lattice of source coordinates, and one pass that samples image and labels.

The lattice combines rotation, zoom, flip and elastic deformation, since linear interpolation reproduces a linear map
exactly. All source voxels lie within the bounding box of the lattice, so only that box is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.data.sampling.augmentation import Augmentation

CELLS = 5
"""Nodes of an elastic field along each axis (the lattice of any other patch has two)."""
FIELD_SD = 1.5
"""Nodes are drawn with this standard deviation, so that the field between them has about 1."""
STRETCH_SD = 0.05
"""Standard deviation of the logarithm of each axis's own zoom."""
SLACK = 0.01
"""Voxels by which rounding in single precision may leave the lattice's hull."""
SLICES_AT_ONCE = 8
"""What a processor's cache holds of a patch while it is sampled; a GPU takes all at once."""


class PatchWarp(NamedTuple):
    """Spatial transform of a patch.

    Attributes:
        lattice: float64 [n, n, n, 3], source position minus centre in voxels, at evenly spaced nodes of the patch.
        mirrored: Whether left and right are exchanged.
    """

    lattice: NDArray[np.float64]
    mirrored: bool

    def box(self, centre: NDArray[np.float64]) -> tuple[list[int], list[int]]:
        """First voxel and size of the source box of the patch, for a centre in voxels."""
        low = np.floor(self.lattice.min((0, 1, 2)) + centre - SLACK).astype(int)
        high = np.floor(self.lattice.max((0, 1, 2)) + centre + SLACK).astype(int) + 2
        return low.tolist(), (high - low).tolist()

    def at(self, place: Sequence[int], size: Sequence[int]) -> NDArray[np.float64]:
        """Source position minus centre in voxels, [3], for one voxel of a patch of this size."""
        nodes = np.arange(len(self.lattice))
        positions = [p * nodes[-1] / max(1, n - 1) for p, n in zip(place, size, strict=True)]
        along = [np.maximum(0, 1 - np.abs(position - nodes)) for position in positions]
        return np.asarray(np.einsum("i,j,k,ijkc->c", *along, self.lattice))

    def seen(self, offset: NDArray[np.float64], size: Sequence[int]) -> list[int]:
        """Inverse of `at`: the nearest voxel of the patch, ignoring the elastic field."""
        corner, *ends = (self.lattice[node] for node in ((0, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1)))
        sides = np.stack([end - corner for end in ends], axis=1)
        share = np.linalg.solve(sides, offset - corner)
        return [round(n) for n in np.clip(share, 0, 1) * (np.array(size) - 1)]


def draw_warp(
    rng: np.random.Generator, size: Sequence[int], how: Augmentation, spacing_mm: Sequence[float] = (1.0, 1.0, 1.0)
) -> PatchWarp:
    """Sample the spatial transform of a patch of `size` voxels. Rotations are in mm, whatever the spacing.

    Args:
        rng: Random generator.
        size: Patch size in voxels.
        how: Augmentation settings.
        spacing_mm: Voxel spacing in mm; only the ratios matter.
    """
    elastic = how.elastic_voxels > 0 and rng.random() < how.elastic
    nodes = CELLS if elastic else 2
    axes = [np.linspace(-(n - 1) / 2, (n - 1) / 2, nodes) for n in size]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    matrix, mirrored = _matrix(rng, how)
    spacing = np.array(spacing_mm, float)
    lattice = lattice @ (matrix * (spacing / spacing[:, None])).T
    if elastic:
        field = rng.standard_normal(lattice.shape) * (FIELD_SD * rng.uniform(0, how.elastic_voxels))
        lattice += field * (np.cbrt(spacing.prod()) / spacing)
    return PatchWarp(lattice, mirrored)


def _matrix(rng: np.random.Generator, how: Augmentation) -> tuple[NDArray[np.float64], bool]:
    """Matrix from patch offsets to case offsets, both in mm, and whether left and right are exchanged."""
    a, b, c = np.deg2rad(rng.uniform(-how.rotation_deg, how.rotation_deg, 3))
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    zoom = np.full(3, np.exp(rng.uniform(*np.log(how.scale))))
    if how.scale[0] < how.scale[1]:
        zoom *= np.exp(rng.normal(0, STRETCH_SD, 3))
    if rng.random() < how.magnify[0]:
        zoom *= rng.uniform(*how.magnify[1:])
    matrix = np.array(about_x) @ np.array(about_y) @ np.array(about_z) @ np.diag(1 / zoom)
    if rng.random() < how.quarter_turn:
        matrix = matrix @ np.linalg.matrix_power([[0, -1, 0], [1, 0, 0], [0, 0, 1]], int(rng.integers(1, 4)))
    mirrored = bool(rng.random() < how.flip)
    if mirrored:
        matrix = matrix @ np.diag([-1, 1, 1])
    return matrix, mirrored


def sample(hu: Tensor, labels: Tensor, lattice: Tensor, out_hu: Tensor, out_labels: Tensor) -> None:
    """Resample a patch: HU by trilinear interpolation, labels by nearest neighbour.

    Args:
        hu: Source box, float32 [a, b, c].
        labels: int16 of the same shape.
        lattice: float32 [n, n, n, 3], source voxel coordinates at the patch nodes; see `PatchWarp.box`.
        out_hu: Patch float32 [x, y, z], filled in place.
        out_labels: Patch int16 [x, y, z], filled in place.
    """
    size = out_hu.shape
    # A GPU may multiply single precision in TF32, which is a twentieth of a voxel.
    lattice = lattice.double() if hu.is_cuda else lattice
    along = [weights(n, len(lattice), lattice.device).to(lattice.dtype) for n in size]
    planes = torch.einsum("xi,yj,ijkc->cxyk", along[0], along[1], lattice).contiguous()
    step = size[0] if hu.is_cuda else SLICES_AT_ONCE
    for x in range(0, size[0], step):
        source = [(plane[x : x + step].reshape(-1, len(lattice)) @ along[2].T).float() for plane in planes]
        found = _interpolated(hu, labels, source)
        for out, part in zip((out_hu, out_labels), found, strict=True):
            out[x : x + step] = part.view(-1, *size[1:])


def weights(size: int, nodes: int, device: torch.device | str = "cpu") -> Tensor:
    """Linear interpolation matrix [size, nodes] from evenly spaced nodes, with nodes at both ends."""
    position = torch.linspace(0, nodes - 1, size, device=device) if size > 1 else torch.zeros(1, device=device)
    return (1 - (position[:, None] - torch.arange(nodes, device=device)).abs()).clamp_min(0)


def _interpolated(hu: Tensor, labels: Tensor, source: list[Tensor]) -> tuple[Tensor, Tensor]:
    """HU and label at each position in `source` (three coordinate arrays, overwritten)."""
    _, along_y, along_z = hu.shape
    corner = [place.floor() for place in source]
    rest_x, rest_y, rest_z = (place.sub_(whole).view(-1) for place, whole in zip(source, corner, strict=True))
    i, j, k = (whole.int() for whole in corner)
    first = i.mul_(along_y).add_(j).mul_(along_z).add_(k).view(-1)
    flat = hu.reshape(-1)

    def at(offset: int) -> Tensor:
        return flat[offset:].index_select(0, first)

    def along_last(offset: int) -> Tensor:
        return torch.lerp(at(offset), at(offset + 1), rest_z)

    def in_plane(offset: int) -> Tensor:
        return torch.lerp(along_last(offset), along_last(offset + along_z), rest_y)

    values = torch.lerp(in_plane(0), in_plane(along_y * along_z), rest_x)
    nearest = (rest_x > 0.5).int().mul_(along_y).add_(rest_y > 0.5).mul_(along_z).add_(rest_z > 0.5).add_(first)
    return values, labels.reshape(-1).index_select(0, nearest)
