import numpy as np
import pytest
from hypothesis import given
from strategies import grids, storage_orders
from two_scans import motion

from omentum.follow_up.frames import on_same_lattice, overlap
from omentum.volume import Grid


@given(grids(), storage_orders)
def test_a_part_in_any_storage_order_is_on_the_lattice(grid, order):
    axes, signs = order
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, (old, sign) in enumerate(zip(axes, signs, strict=True)):
        turn[old, axis], turn[old, 3] = sign, 4 - axis
    assert on_same_lattice(grid, Grid(grid.shape, grid.affine @ turn))


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([3, 3, 5.2, 1]),
        motion(shift_mm=(0, 0, 2.4)) @ np.diag([3, 3, 5, 1]),
        motion((0, 0, 1)) @ np.diag([3, 3, 5, 1]),
        np.diag([6, 3, 5, 1]),
    ],
)
def test_another_lattice(affine):
    assert not on_same_lattice(Grid((40, 40, 20), np.diag([3, 3, 5, 1])), Grid((40, 40, 20), affine))


def test_what_fields_of_view_share():
    one = Grid((40, 40, 40), np.eye(4))
    assert overlap(one, one) == 1
    assert overlap(one, Grid((40, 40, 20), motion(shift_mm=(0, 0, 10)))) == 1
    assert overlap(one, Grid((40, 40, 40), motion(shift_mm=(0, 0, 20)))) == pytest.approx(0.5, abs=0.1)
    assert overlap(one, Grid((40, 40, 40), motion(shift_mm=(0, 0, 41)))) == 0
