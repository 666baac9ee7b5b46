import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, rotated, stored
from torso import SHAPE, torso_affine, torso_ct

from omentum.midline.flanks import find_flank_midline
from omentum.midline.plane import Midline
from omentum.volume import Grid, Volume

GRIDS = {
    "straight": ras_grid(),
    "turned and flipped": stored(ras_grid(), (2, 0, 1), (True, False, True)),
    "oblique": rotated(ras_grid((2.0, 3.0, 4.0)), 12),
    "thick": ras_grid((1.5, 1.5, 7.0)),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_the_middle_of_the_body_is_found(grid):
    """The phantom is centred on the origin, wherever that is in the array."""
    found = find_flank_midline(banded_ct(grid))
    assert found is not None
    assert abs(found.x_mm) < 2.5


def test_it_is_where_the_body_is_and_not_where_the_image_is():
    hu = np.full(SHAPE, -1000, np.int16)
    hu[4:14, 1:-1] = 40
    found = find_flank_midline(Volume(hu, torso_affine()))
    assert found is not None
    assert found.x_mm == pytest.approx(Grid(SHAPE, torso_affine()).to_world((8.5, 0, 0))[0])


def test_lungs_do_not_pull_it():
    ct = torso_ct()
    ct.voxels[16:26, 3:8, 4:12] = -850
    found = find_flank_midline(ct)
    assert found is not None
    assert found.x_mm == pytest.approx(37.0)


def test_a_couch_is_not_the_body():
    hu = np.full((100, 60, 20), -1000, np.int16)
    hu[10:60, 12:50] = 40
    hu[2:98, 4:6] = 100
    found = find_flank_midline(Volume(hu, np.diag([4.0, 4.0, 5.0, 1.0])))
    assert found is not None
    assert found.x_mm == pytest.approx(34.5 * 4)


@pytest.mark.parametrize("part", [np.s_[:14], np.s_[14:], np.s_[5:-5]], ids=["left half", "right half", "flanks cut"])
def test_without_both_flanks_nobody_knows(part):
    ct = torso_ct()
    assert find_flank_midline(Volume(ct.voxels[part], ct.affine)) is None


@pytest.mark.parametrize("hu", [-1000, 40, np.nan])
def test_without_a_body_there_is_no_middle(hu):
    assert find_flank_midline(Volume(np.full(SHAPE, hu, np.float32), torso_affine())) is None


def test_distances_are_those_of_the_world():
    grid = rotated(ras_grid((2.0, 3.0, 4.0)), 33)
    box = (slice(3, 9), slice(2, 7), slice(5, 6))
    index = np.moveaxis(np.mgrid[box], 0, -1)
    expected = grid.to_world(index)[..., 0] - 7.0
    np.testing.assert_allclose(Midline(7.0).box_offsets_mm(grid, box), expected, atol=1e-3)


@pytest.mark.parametrize("order", range(4))
def test_offsets_in_a_box_are_those_of_the_plain_formula_to_the_bit(order):
    rng = np.random.default_rng(order)
    grid = Grid((9, 8, 7), np.diag([(-0.7) ** order, 0.9, 2.5, 1.0]))
    grid = rotated(grid, 12) if order % 2 else grid
    x_mm, box = float(rng.normal() * 30), (slice(2, 9), slice(0, 5), slice(3, 6))
    i, j, k = (grid.affine[0, axis] * np.arange(s.start, s.stop) for axis, s in enumerate(box))
    plane = (i[:, None] + j + (grid.affine[0, 3] - x_mm)).astype(np.float32)
    assert np.array_equal(Midline(x_mm).box_offsets_mm(grid, box), plane[:, :, None] + k.astype(np.float32))
