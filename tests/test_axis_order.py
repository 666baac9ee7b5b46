"""Axis orders: every one is a view with an exact inverse, and moves no voxel in the patient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import STORAGE_ORDERS, grids, noise

from omentum.axis_order import AxisOrder, axis_order, axis_order_between
from omentum.errors import GeometryError
from omentum.volume import Grid

ORIENTATIONS = ["RAS", "LPS", "SAR", "IPL"]


@given(grids(), st.sampled_from(ORIENTATIONS))
def test_reorientation_moves_no_voxel_in_the_patient(grid, orientation):
    order = axis_order(grid, orientation)
    turned = order.grid(grid)
    assert turned.orientation == orientation
    where = np.moveaxis(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    expected = np.moveaxis(turned.to_world(np.moveaxis(np.indices(turned.shape), 0, -1)), -1, 0)
    np.testing.assert_allclose(order.view(where), expected, atol=1e-9)


@given(grids(), st.sampled_from(ORIENTATIONS))
def test_reorientation_and_its_inverse_are_nothing(grid, orientation):
    order = axis_order(grid, orientation)
    voxels = noise(grid)
    np.testing.assert_array_equal(order.inverse().view(order.view(voxels)), voxels)
    back = order.inverse().grid(order.grid(grid))
    assert back.shape == grid.shape
    np.testing.assert_allclose(back.affine, grid.affine, rtol=0, atol=1e-9)
    assert order.inverse().inverse() == order


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS)
def test_an_upright_grid_is_turned_without_rounding(axes, signs):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[axes[axis], axis] = 0.7 * signs[axis]
    order = axis_order(Grid((3, 4, 5), affine))
    assert (order.grid(Grid((3, 4, 5), affine)).affine[:3, :3] == np.diag([0.7] * 3)).all()


def test_the_view_writes_through_and_leaves_leading_axes_alone():
    array = np.zeros((2, 3, 4, 5))
    order = AxisOrder((2, 0, 1), (True, False, True))
    order.view(array)[1, 0, 2, 3] = 7
    assert order.view(array).shape == (2, 5, 3, 4)
    assert array[1, 2, 0, 4] == 7
    assert np.count_nonzero(array) == 1


@pytest.mark.parametrize("orientation", ["RRS", "RA", "XYZ", ""])
def test_nonsense_is_no_orientation(orientation):
    with pytest.raises(GeometryError, match="is no orientation"):
        axis_order(Grid((2, 2, 2), np.eye(4)), orientation)


@given(grids(), st.sampled_from(STORAGE_ORDERS))
def test_the_order_between_two_storage_orders_of_one_grid_is_found(grid, order):
    axes, signs = order
    known = AxisOrder(tuple(axes), tuple(sign < 0 for sign in signs))
    assert axis_order_between(grid, known.grid(grid)) == known


@given(grids())
def test_there_is_none_between_grids_of_other_voxels(grid):
    i, j, k = grid.shape
    assert axis_order_between(grid, Grid((i, j, k + 1), grid.affine)) is None
    assert axis_order_between(grid, Grid(grid.shape, grid.affine @ np.diag([1.5, 1, 1, 1]))) is None
