"""Grids and volumes as values."""

import numpy as np
import pytest
from hypothesis import given
from strategies import STORAGE_ORDERS, grids, storage_affine

from omentum.errors import GeometryError, UsageError
from omentum.volume import Grid, Volume

LETTERS = {(0, 1): "R", (0, -1): "L", (1, 1): "A", (1, -1): "P", (2, 1): "S", (2, -1): "I"}


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS)
def test_orientation_names_every_storage_order(axes, signs):
    grid = Grid((3, 4, 5), storage_affine(axes, signs, (0.7, 2, 5)))
    assert grid.orientation == "".join(LETTERS[pair] for pair in zip(axes, signs, strict=True))
    assert grid.spacing_mm == pytest.approx((0.7, 2, 5))


@given(grids())
def test_orientation_uses_each_axis_once_and_follows_it(grid):
    directions = grid.axis_directions()
    assert sorted(world for world, _ in directions) == [0, 1, 2]
    for axis, (world, sign) in enumerate(directions):
        assert grid.affine[world, axis] * sign > 0


def test_a_tilted_gantry_still_has_one_answer():
    affine = np.array([[1, 0, 0, 0], [0, 1, 0.9, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert Grid((2, 2, 2), affine).orientation == "RAS"


def test_voxel_volume_counts_shear():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[1, 2] = 1.5
    assert Grid((1, 1, 1), affine).voxel_volume_ml == pytest.approx(0.024)


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1, 1, 0, 1.0]),
        np.full((4, 4), np.nan),
        np.eye(3),
        np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    ],
)
def test_impossible_affines_are_refused(affine):
    with pytest.raises(GeometryError, match="affine"):
        Grid((2, 2, 2), affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (2, 2), (3, -1, 2)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(GeometryError, match="three positive"):
        Grid(shape, np.eye(4))


def test_the_affine_is_a_copy_nobody_can_change():
    mine = np.eye(4)
    grid = Grid((1, 1, 1), mine)
    mine[0, 3] = 5
    assert grid.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1


@given(grids())
def test_same_grid_is_judged_at_the_far_corner(grid):
    turned = grid.affine.copy()
    turned[:3, :3] *= 1 + 1e-9
    assert grid.same_as(Grid(grid.shape, turned))
    moved = grid.affine.copy()
    moved[0, 3] += 0.2
    assert not grid.same_as(Grid(grid.shape, moved))
    assert not grid.same_as(Grid((grid.shape[0] + 1, *grid.shape[1:]), grid.affine))


def test_a_volume_has_three_axes():
    with pytest.raises(GeometryError, match=r"three axes.*\(2, 2, 2, 1\)"):
        Volume(np.zeros((2, 2, 2, 1)), np.eye(4))


@pytest.mark.parametrize("dtype", [complex, object, "U4", "M8[s]"])
def test_voxels_that_are_no_real_numbers_are_refused(dtype):
    with pytest.raises(UsageError, match="voxels are real numbers, not"):
        Volume(np.zeros((2, 2, 2), np.int16).astype(dtype), np.eye(4))
