"""Hypothesis strategies for grids: all 48 storage orders, oblique, anisotropic, odd sizes, one-voxel axes."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from omentum.volume import Grid

STORAGE_ORDERS = [
    (axes, signs)
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]  # fmt: skip
"""Each array axis' world axis and direction: 6 permutations times 8 sign choices."""


def storage_affine(axes: tuple[int, ...], signs: tuple[int, ...], spacing_mm: tuple[float, ...] = (1, 1, 1)) -> NDArray:
    """The axis-aligned affine of a storage order, origin 0."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[axes[axis], axis] = signs[axis] * spacing_mm[axis]
    return affine


def in_storage_order(voxels: NDArray, affine: NDArray, axes: tuple[int, ...], signs: tuple[int, ...]):
    """The same RAS+ image as another program might store it: each voxel looked up by its place, as a reference."""
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        turn[world, axis] = sign
        turn[world, 3] = 0 if sign > 0 else voxels.shape[world] - 1
    index = np.indices([voxels.shape[world] for world in axes])
    x, y, z = np.einsum("ij,j...->i...", turn[:3, :3], index).astype(int) + turn[:3, 3].astype(int)[:, None, None, None]
    return voxels[x, y, z], affine @ turn


storage_orders = st.sampled_from(STORAGE_ORDERS)
shapes = st.tuples(*[st.integers(1, 9)] * 3)
spacings = st.tuples(*[st.floats(0.3, 12.0)] * 3)
origins = st.tuples(*[st.floats(-400, 400)] * 3)
tilts = st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-30, 30)] * 3))


@st.composite
def grids(draw: st.DrawFn, shapes: st.SearchStrategy = shapes) -> Grid:
    """A grid long enough to be a scan (5 mm), in any storage order, upright or oblique."""
    shape, spacing_mm = draw(shapes), draw(spacings)
    shape = (max(shape[0], int(np.ceil(5 / spacing_mm[0]))), *shape[1:])
    affine = storage_affine(*draw(storage_orders), spacing_mm)
    affine[:3, :3] = Rotation.from_euler("xyz", draw(tilts), degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = draw(origins)
    return Grid(shape, affine)


def noise(grid: Grid, seed: int = 0) -> NDArray[np.int16]:
    """Reproducible HU-like voxels on a grid."""
    return np.random.default_rng(seed).integers(-1000, 1500, grid.shape).astype(np.int16)
