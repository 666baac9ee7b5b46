"""The middle of a body: where it is, how it leans, and what it was found from."""

from __future__ import annotations

import numpy as np
import pytest
from sided_body import TRUNK, drawn, grid_around, hu_of
from strategies import STORAGE_ORDERS

from omentum.midline.plane import Midline
from omentum.midline.spine import find_midline
from omentum.volume import Grid

SPINE_HU = 400


def without_spine(hu):
    return np.where(hu == SPINE_HU, 40, hu)


def test_the_plane_parts_right_from_left():
    grid = Grid((7, 2, 9), np.diag([10.0, 10, 20, 1]))
    leaning = Midline(x_mm=20.0, slope=0.5, z_mm=40.0)
    offsets = leaning.offsets_mm(grid)
    x, _, z = grid.to_world(np.stack(np.indices(grid.shape), axis=-1)).transpose(3, 0, 1, 2)
    assert offsets.shape == grid.shape
    assert np.abs(offsets - (x - (20 + 0.5 * (z - 40)))).max() < 1e-3


@pytest.mark.parametrize("middle_mm", [(0, 0, 0), (40, 10, 30)])
def test_a_spine_in_view_is_the_middle(middle_mm):
    grid = grid_around(middle_mm=middle_mm, half_mm=(220, 150, 160))
    midline = find_midline(hu_of(grid), grid.affine)
    assert midline.seen_in == "spine"
    assert abs(midline.x_mm) < 4
    assert abs(midline.slope) < 0.02
    assert midline.z_mm == pytest.approx(middle_mm[2], abs=10)


@pytest.mark.parametrize("degrees", [-20, 12])
def test_a_body_that_leans_has_a_middle_that_leans(degrees):
    """Turned about the axis from front to back, with the patient's feet where they were."""
    upright = grid_around(half_mm=(240, 130, 180))
    hu = hu_of(upright, lungs=())
    affine = grid_around(tilt=(0, degrees, 0), half_mm=(240, 130, 180)).affine
    midline = find_midline(hu, affine)
    assert midline.seen_in == "spine"
    assert midline.slope == pytest.approx(np.tan(np.radians(degrees)), abs=0.04)
    assert abs(midline.x_mm - midline.slope * midline.z_mm) < 8


def test_over_a_short_stretch_no_slope_is_believed():
    grid = grid_around(half_mm=(190, 130, 45))
    midline = find_midline(hu_of(grid, lungs=()), grid_around(tilt=(0, 15, 0), half_mm=(190, 130, 45)).affine)
    assert midline.slope == 0
    assert abs(midline.x_mm) < 10


@pytest.mark.parametrize("side", [-1, 1])
def test_one_arm_beside_the_body_does_no_harm(side):
    """The middle of all voxels is off by centimetres then; that of the flanks in most rows is not."""
    grid = grid_around(half_mm=(270, 130, 160))
    arm = ((side * 205, 20, 0), (48, 32, 400))
    hu = without_spine(hu_of(grid, lungs=()))
    hu[drawn(grid, arm)] = 40
    assert abs(grid.to_world(np.argwhere(hu > -300))[:, 0].mean()) > 12
    midline = find_midline(hu, grid.affine)
    assert midline.seen_in == "body"
    assert abs(midline.x_mm) < 8


@pytest.mark.parametrize("order", STORAGE_ORDERS[::5], ids=str)
@pytest.mark.parametrize("spine", [True, False])
def test_how_the_image_is_stored_does_not_matter(order, spine):
    grid = grid_around(*order, middle_mm=(20, 0, 10), half_mm=(220, 130, 160))
    hu = hu_of(grid, lungs=())
    midline = find_midline(hu if spine else without_spine(hu), grid.affine)
    assert midline.seen_in == ("spine" if spine else "body")
    assert abs(midline.x_mm) < 5
    assert abs(midline.slope) < 0.02


@pytest.mark.parametrize("cut_mm", [(60.0, 60.0), (90.0, 70.0)])
def test_a_patient_too_wide_on_both_sides_is_cut_off_evenly_near_enough(cut_mm):
    left, right = cut_mm
    middle, half = ((left - right) / 2, 0.0, 0.0), ((left + right) / 2, 130, 160)
    grid = grid_around(middle_mm=middle, half_mm=half)
    midline = find_midline(without_spine(hu_of(grid, lungs=())), grid.affine)
    assert midline.seen_in == "body"
    assert midline.x_mm == pytest.approx(middle[0], abs=8)


@pytest.mark.parametrize("side", [-1, 1])
def test_with_one_flank_in_view_the_middle_is_half_a_body_from_it(side):
    """The trunk is 330 mm wide, half of what is taken for half a body is 170 mm."""
    grid = grid_around(middle_mm=(side * 120, 0, 0), half_mm=(70, 130, 160))
    midline = find_midline(without_spine(hu_of(grid, lungs=())), grid.affine)
    assert midline.seen_in == "one flank"
    assert abs(midline.x_mm) < 40


def test_a_spine_is_found_from_one_flank():
    grid = grid_around(middle_mm=(90, 0, 0), half_mm=(130, 130, 160))
    midline = find_midline(hu_of(grid, lungs=()), grid.affine)
    assert midline.seen_in == "spine"
    assert abs(midline.x_mm) < 6


def test_bone_in_front_of_the_middle_is_no_spine():
    """A breastbone off the middle, and no spine."""
    grid = grid_around()
    hu = without_spine(hu_of(grid, lungs=()))
    hu[drawn(grid, ((25, 85, 0), (12, 8, 400)))] = 600
    midline = find_midline(hu, grid.affine)
    assert midline.seen_in == "body"
    assert abs(midline.x_mm) < 6


def test_a_few_centimetres_of_bone_are_no_spine():
    grid = grid_around()
    hu = without_spine(hu_of(grid, lungs=()))
    hips = drawn(grid, ((110, -50, -130), (15, 20, 25)), ((-100, -50, 130), (15, 20, 25)))
    hu[hips] = 600
    midline = find_midline(hu, grid.affine)
    assert midline.seen_in == "body"
    assert abs(midline.x_mm) < 6


def test_a_table_beside_the_patient_is_not_the_patient():
    grid = grid_around(half_mm=(270, 150, 160))
    hu = without_spine(hu_of(grid, lungs=()))
    at = grid.to_world(np.stack(np.indices(grid.shape), axis=-1))
    table = (at[..., 1] < -128) & (at[..., 0] > -50)
    assert not (table & drawn(grid, TRUNK)).any()
    hu[table] = 100
    midline = find_midline(hu, grid.affine)
    assert abs(midline.x_mm) < 6
