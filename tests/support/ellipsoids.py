"""Ellipsoids whose lengths are known exactly, sampled on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import storage_affine, storage_orders

from omentum.volume import Grid


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and half axes in RAS+ mm, and how it is turned (degrees about x, y, z)."""

    centre: tuple[float, float, float]
    half_axes: tuple[float, float, float]
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def form(self) -> np.ndarray:
        """The matrix Q of x' Q x <= 1."""
        turn = Rotation.from_euler("xyz", self.turn, degrees=True).as_matrix()
        return turn @ np.diag(1 / np.square(self.half_axes)) @ turn.T

    def on(self, grid: Grid) -> np.ndarray:
        """Its mask."""
        x = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)) - self.centre
        return np.einsum("...a,ab,...b->...", x, self.form, x) <= 1

    def axial_mm(self, grid: Grid) -> tuple[float, float]:
        """Longest and shortest diameter of the section through the centre, in the plane of the axial slices."""
        axis = next(a for a, (world, _) in enumerate(grid.axis_directions()) if world == 2)
        plane = np.linalg.qr(np.delete(grid.affine[:3, :3], axis, axis=1))[0]
        short, long = sorted(2 / np.sqrt(np.linalg.eigvalsh(plane.T @ self.form @ plane)))
        return long, short


@st.composite
def scenes(draw: st.DrawFn, tilt: float = 25.0, coarsest_mm: float = 4.0) -> tuple[Ellipsoid, Grid]:
    """An ellipsoid of 12 to 50 mm on a grid of any storage order, upright or oblique, that holds it."""
    half_axes = draw(st.tuples(*[st.floats(6, 25)] * 3))
    body = Ellipsoid(draw(st.tuples(*[st.floats(-2, 2)] * 3)), half_axes, draw(st.tuples(*[st.floats(-90, 90)] * 3)))
    spacing_mm = draw(st.tuples(*[st.floats(0.8, coarsest_mm)] * 3))
    affine = storage_affine(*draw(storage_orders), spacing_mm)
    angles = draw(st.tuples(*[st.floats(-tilt, tilt)] * 3))
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ affine[:3, :3]
    shape = tuple(int(np.ceil(2 * (max(half_axes) + 6) / mm)) for mm in spacing_mm)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return body, Grid(shape, affine)
