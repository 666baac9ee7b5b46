from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import STORAGE_ORDERS, in_storage_order, storage_affine
from tubes import arch, as_aorta, centred, straight_tube

from omentum.measure import aortic_profile, measures_json
from omentum.segmentation import Segmentation
from omentum.volume import Grid


def profile(mask, grid):
    found = aortic_profile(as_aorta(mask, grid))
    assert found is not None
    return found


def assert_exact(found, grid, equivalent_mm, largest_mm, stations):
    """Every diameter within a voxel."""
    voxel_mm = max(grid.spacing_mm)
    assert len(found.stations) >= stations
    for station in found.stations:
        assert station.equivalent_mm == pytest.approx(equivalent_mm, abs=voxel_mm)
        assert station.largest_mm == pytest.approx(largest_mm, abs=voxel_mm)


@pytest.mark.parametrize(
    ("order", "spacing_mm", "turn", "lean", "radius_mm", "squash"),
    [
        (STORAGE_ORDERS[0], (1.5, 1.5, 1.5), (0, 0, 0), (0.0, 0.0), 12, 1.0),
        (STORAGE_ORDERS[7], (1.5, 1.5, 5.0), (0, 0, 0), (0.3, -0.2), 12, 1.0),
        (STORAGE_ORDERS[13], (2.5, 1.2, 1.2), (20, -10, 15), (0.2, 0.3), 10, 1.3),
        (STORAGE_ORDERS[26], (1.2, 3.0, 1.5), (-15, 15, 20), (-0.5, 0.1), 8, 1.0),
        (STORAGE_ORDERS[47], (1.5, 1.5, 2.0), (10, 20, -20), (0.1, 0.6), 14, 1.4),
    ],
)
def test_straight_tubes_on_any_grid_are_exact(order, spacing_mm, turn, lean, radius_mm, squash):
    affine = storage_affine(*order, spacing_mm)
    shape = tuple(int((200 if world == 2 else 130) / mm) for world, mm in zip(order[0], spacing_mm, strict=True))
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ affine[:3, :3]
    grid = centred(shape, affine)
    found = profile(straight_tube(grid, radius_mm, (*lean, 1), 150, squash), grid)
    assert found.plane == "perpendicular"
    assert_exact(found, grid, 2 * radius_mm * np.sqrt(squash), 2 * radius_mm * squash, stations=20)


@pytest.mark.parametrize("lean", [(0, 0), (0.5, 0.2)])
def test_a_tube_that_the_image_cuts_is_measured_where_its_section_is_whole(lean):
    grid = centred((90, 90, 80), np.diag([1.0, 1.0, 2.0, 1.0]))
    found = profile(straight_tube(grid, 11, (*lean, 1)), grid)
    assert found.partly_imaged
    assert_exact(found, grid, 22, 22, stations=25)
    # Nothing is lost at a square cut, only what is slanted at an oblique one.
    reach_mm = found.stations[0].centre_mm[2] - found.stations[-1].centre_mm[2]
    assert reach_mm > (153 if lean == (0, 0) else 125)


def test_an_arch_is_followed_round_its_bend_from_the_heart_on():
    grid = centred((110, 34, 210), np.eye(4))
    raised = grid.affine.copy()
    raised[2, 3] -= 50
    grid = Grid(grid.shape, raised)
    found = profile(arch(grid, 13, 38, 120), grid)
    assert not found.partly_imaged
    assert_exact(found, grid, 26, 26, stations=40)
    tops = [s.centre_mm for s in found.stations]
    assert tops[0][0] > 30  # the arch runs from the patient's right to the left
    assert tops[-1][0] < -30
    assert max(z for _, _, z in tops) == pytest.approx(38, abs=1.5)
    assert tops[-1][2] < -95


def test_the_maximum_has_its_place():
    grid = centred((80, 80, 160), np.diag([0.9, 0.9, 1.5, 1.0]))
    tube = straight_tube(grid, 9, (0.1, 0, 1))
    x = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    sac = np.square((x - (-4.0, 3.0, -40.0)) / (18, 18, 25)).sum(axis=-1) <= 1
    most = profile(tube | sac, grid).maximum
    assert most.equivalent_mm == pytest.approx(36, abs=1.5)
    assert most.centre_mm == pytest.approx((-4, 3, -40), abs=5)
    assert most.along_mm == pytest.approx(120 + 40, abs=6)


@pytest.mark.parametrize("order", STORAGE_ORDERS[::7])
def test_the_storage_order_does_not_matter(order):
    grid = centred((50, 40, 60), np.diag([2.0, 2.0, 2.0, 1.0]))
    mask = straight_tube(grid, 10, (0.4, 0.1, 1))
    mask[:30, :, :10] = False
    stored, affine = in_storage_order(mask, grid.affine, *order)
    one, other = profile(mask, grid), profile(stored, Grid(stored.shape, affine))
    assert other.partly_imaged == one.partly_imaged
    assert other.maximum.equivalent_mm == pytest.approx(one.maximum.equivalent_mm, abs=0.5)
    assert other.stations[0].centre_mm == pytest.approx(one.stations[0].centre_mm, abs=3)


def test_a_short_piece_is_cut_along_the_axial_slices():
    grid = centred((60, 60, 3), np.diag([1.0, 1.0, 2.0, 1.0]))
    for mask in (straight_tube(grid, 12, (0, 0, 1)), straight_tube(grid, 12, (0, 0, 1), 1)):
        found = profile(mask, grid)
        assert found.plane == "axial"
        assert_exact(found, grid, 24, 24, stations=1)


def test_of_fragments_the_largest_is_measured():
    grid = centred((50, 50, 120), np.diag([1.0, 1.0, 1.5, 1.0]))
    mask = straight_tube(grid, 10, (0.1, 0, 1))
    mask[:, :, 40:55] = False
    found = profile(mask, grid)
    assert_exact(found, grid, 20, 20, stations=10)
    assert min(s.centre_mm[2] for s in found.stations) > -10


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.005, 0.1, 0.5, 1.0]), st.tuples(*[st.integers(1, 14)] * 3))
def test_no_mask_is_too_odd(seed, share, shape):
    mask = np.random.default_rng(seed).random(shape) < share
    found = aortic_profile(as_aorta(mask, centred(shape, np.diag([1.0, 3.0, 2.0, 1.0]))))
    json.dumps(measures_json([], Grid(shape, np.eye(4)), found), allow_nan=False)
    if found:
        assert all(s.equivalent_mm <= s.largest_mm + 6 for s in found.stations)


def test_without_an_aorta_there_is_no_profile():
    nothing = np.zeros((5, 5, 5), bool)
    assert aortic_profile(as_aorta(nothing, Grid((5, 5, 5), np.eye(4)))) is None
    assert aortic_profile(Segmentation.from_masks({"liver": ~nothing}, np.eye(4))) is None
    assert measures_json([], Grid((5, 5, 5), np.eye(4)))["derived"]["aorta"] is None
