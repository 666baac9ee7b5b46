"""Left is left: in every storage order, with one kidney, fused lungs, fragments, half a body and a mirror."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared
from sided_body import (
    LEFT_ADRENAL,
    LEFT_KIDNEY,
    LEFT_LUNG,
    RIGHT_ADRENAL,
    RIGHT_KIDNEY,
    RIGHT_LUNG,
    drawn,
    grid_around,
    hu_of,
)
from strategies import STORAGE_ORDERS, storage_orders

from omentum.data.harmonise.split_pair import split_sides
from omentum.io.nifti import read_volume
from omentum.midline.plane import Midline
from omentum.midline.spine import find_midline
from omentum.volume import Grid
from reference.published_sides import published_right

PAIRS = {
    "kidneys": (RIGHT_KIDNEY, LEFT_KIDNEY),
    "lungs": (RIGHT_LUNG, LEFT_LUNG),
    "adrenals": (RIGHT_ADRENAL, LEFT_ADRENAL),
}
BRIDGE = ((2, 50, 80), (40, 9, 30))
"""Where the lungs touch in front of the heart."""
UPRIGHT = grid_around()


def split(grid: Grid, mask, organ_ml=50.0):
    return split_sides(mask, grid.affine, find_midline(hu_of(grid), grid.affine), organ_ml)


@pytest.mark.parametrize("order", STORAGE_ORDERS, ids=str)
def test_every_storage_order(order):
    grid = grid_around(*order)
    right, left = drawn(grid, RIGHT_KIDNEY), drawn(grid, LEFT_KIDNEY)
    sides = split(grid, right | left)
    assert (sides.doubt, sides.remark) == ("", "")
    np.testing.assert_array_equal(sides.right, right)


@settings(max_examples=15)
@given(
    storage_orders,
    st.tuples(*[st.floats(-25, 25)] * 3),
    st.tuples(st.floats(-60, 60), st.floats(-20, 20), st.floats(-40, 40)),
    st.sampled_from(sorted(PAIRS)),
    st.sampled_from(["both", "right", "left"]),
)
def test_oblique_grids_bodies_off_centre_and_single_organs(order, tilt, middle, pair, which):
    grid = grid_around(*order, tilt, middle, half_mm=(240, 170, 190))
    right, left = (drawn(grid, shape) for shape in PAIRS[pair])
    right, left = (mask & (which in (side, "both")) for mask, side in ((right, "right"), (left, "left")))
    sides = split(grid, right | left)
    assert not sides.doubt
    np.testing.assert_array_equal(sides.right, right)


@settings(max_examples=8)
@given(storage_orders, st.tuples(*[st.floats(-15, 15)] * 3))
def test_a_patient_lying_askew(order, tilt):
    """Here the body turns with the grid: the affine alone is tilted."""
    upright = grid_around(*order)
    right, left = drawn(upright, RIGHT_KIDNEY), drawn(upright, LEFT_KIDNEY)
    askew = Grid(upright.shape, grid_around(*order, tilt).affine)
    for mask, expected in ((right | left, right), (right, right), (left, left & False)):
        midline = find_midline(hu_of(upright), askew.affine)
        np.testing.assert_array_equal(split_sides(mask, askew.affine, midline, 50).right, expected)


@settings(max_examples=10)
@given(storage_orders, st.sampled_from([*PAIRS, "fused"]), st.booleans())
def test_a_mirrored_patient_gives_the_mirrored_answer(order, pair, one_only):
    grid = grid_around(*order)
    right, left = (drawn(grid, shape) for shape in PAIRS.get(pair, PAIRS["lungs"]))
    mask = right | (drawn(grid, BRIDGE) if pair == "fused" else left & (not one_only))
    mask |= left & (pair == "fused")
    mirrored = Grid(grid.shape, np.diag([-1.0, 1, 1, 1]) @ grid.affine)
    ours = split(grid, mask)
    theirs = split_sides(mask, mirrored.affine, find_midline(hu_of(grid), mirrored.affine), 50)
    # On the plane exactly between two cores a voxel has to go somewhere.
    assert np.count_nonzero(theirs.right != (mask & ~ours.right)) <= 0.002 * np.count_nonzero(mask)


@pytest.mark.parametrize("order", STORAGE_ORDERS[::7], ids=str)
def test_fused_lungs_are_parted_where_they_touch(order):
    grid = grid_around(*order)
    right, left, bridge = drawn(grid, RIGHT_LUNG), drawn(grid, LEFT_LUNG), drawn(grid, BRIDGE)
    sides = split(grid, right | left | bridge)
    assert "grown together" in sides.remark
    assert not sides.doubt
    assert not (sides.right & left & ~bridge).any()
    assert not (right & ~sides.right & ~bridge).any()


def test_a_loose_lobe_does_not_keep_fused_lungs_together():
    right, left, bridge = drawn(UPRIGHT, RIGHT_LUNG), drawn(UPRIGHT, LEFT_LUNG), drawn(UPRIGHT, BRIDGE)
    at = UPRIGHT.to_world(np.stack(np.indices(UPRIGHT.shape), axis=-1))
    fissure = left & (np.abs(at[..., 2] - 50) < 4) & ~bridge
    sides = split(UPRIGHT, (right | left | bridge) & ~fissure)
    assert not (sides.right & left & ~bridge).any()
    assert not (right & ~sides.right & ~bridge).any()


def test_a_horseshoe_kidney_becomes_two():
    isthmus = ((0, -30, -105), (60, 12, 12))
    right, left = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, LEFT_KIDNEY)
    sides = split(UPRIGHT, right | left | drawn(UPRIGHT, isthmus))
    assert "grown together" in sides.remark
    assert np.count_nonzero(sides.right & left) <= 0.02 * np.count_nonzero(left)
    assert np.count_nonzero(right & ~sides.right) <= 0.02 * np.count_nonzero(right)


def test_a_lobe_on_a_stalk_is_no_second_organ():
    """However far out it lies: it is a fiftieth of the organ."""
    organ, lobe = drawn(UPRIGHT, ((20, 0, -20), (55, 50, 70))), drawn(UPRIGHT, ((100, 0, -20), (18, 18, 18)))
    whole = organ | lobe | drawn(UPRIGHT, ((80, 0, -20), (20, 6, 6)))
    sides = split_sides(whole, UPRIGHT.affine, Midline(0.0), 50)
    assert (sides.doubt, sides.remark) == ("", "")
    np.testing.assert_array_equal(sides.right, whole)


def test_what_cannot_be_eroded_apart_is_cut_at_the_midline():
    slab = drawn(UPRIGHT, ((3, -30, -80), (80, 25, 30)))
    sides = split(UPRIGHT, slab)
    assert sides.remark.endswith("cut at the midline")
    x = UPRIGHT.to_world(np.stack(np.indices(UPRIGHT.shape), axis=-1))[..., 0]
    assert x[sides.right].min() > -6
    assert x[slab & ~sides.right].max() < 6


def test_a_kidney_with_a_huge_tumour_across_the_midline_stays_one():
    tumour = ((15, -10, -80), (75, 60, 60))
    right, left = drawn(UPRIGHT, RIGHT_KIDNEY, tumour), drawn(UPRIGHT, ((-120, -40, -60), (25, 27, 50)))
    sides = split(UPRIGHT, right | left)
    np.testing.assert_array_equal(sides.right, right)


def test_fragments_go_with_the_nearer_bulk_even_across_the_midline():
    right, left = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, LEFT_KIDNEY)
    of_right, of_left = drawn(UPRIGHT, ((20, -40, -70), (6, 5, 7))), drawn(UPRIGHT, ((-110, -40, -70), (6, 5, 7)))
    sides = split(UPRIGHT, right | left | of_right | of_left)
    np.testing.assert_array_equal(sides.right, right | of_right)
    over = drawn(UPRIGHT, ((-8, -40, -70), (6, 5, 7)))
    only = split(UPRIGHT, drawn(UPRIGHT, ((40, -40, -70), (34, 27, 50))) | over)
    assert only.right.sum() == only.right[over | only.right].sum()
    assert only.right[over].all()


def test_a_shrunken_kidney_is_not_a_fragment_of_the_other_one():
    right, shrunken = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, ((-60, -40, -60), (11, 11, 16)))
    assert 0 < np.count_nonzero(shrunken) < 0.1 * np.count_nonzero(right)
    np.testing.assert_array_equal(split(UPRIGHT, right | shrunken).right, right)


def test_one_kidney_in_two_pieces_is_one_kidney():
    at = UPRIGHT.to_world(np.stack(np.indices(UPRIGHT.shape), axis=-1))
    pieces = drawn(UPRIGHT, LEFT_KIDNEY) & (np.abs(at[..., 2] + 60) > 7)
    sides = split(UPRIGHT, pieces, organ_ml=150.0)
    assert not sides.right.any()
    assert not sides.doubt


def test_two_kidneys_on_one_side_leave_a_doubt():
    crossed = drawn(UPRIGHT, ((65, -40, -60), (27, 27, 40)), ((55, -20, -140), (27, 27, 30)))
    sides = split(UPRIGHT, crossed)
    assert sides.doubt == "two parts of an organ's size both lie on the right"


def test_a_kidney_on_the_midline_leaves_a_doubt():
    assert split(UPRIGHT, drawn(UPRIGHT, ((2, -30, -100), (30, 25, 40)))).doubt == "the only part lies on the midline"


def test_without_a_ct_only_what_lies_far_apart_is_told():
    right, left = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, LEFT_KIDNEY)
    both = split_sides(right | left, UPRIGHT.affine, None, 50)
    np.testing.assert_array_equal(both.right, right)
    assert not both.doubt
    assert split_sides(right, UPRIGHT.affine, None, 50).doubt
    empty = split_sides(right & False, UPRIGHT.affine, None, 50)
    assert not empty.right.any()
    assert not empty.doubt


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("spine_in_view", [True, False])
def test_half_a_body_in_view(side, spine_in_view):
    """The array's middle would call half of this lung the other side's."""
    inner = -30 if spine_in_view else 25
    grid = grid_around(middle_mm=(side * (inner + 190) / 2, 0, 0), half_mm=((190 - inner) / 2, 130, 160))
    right_sided = drawn(grid, RIGHT_LUNG if side > 0 else LEFT_LUNG)
    hu = hu_of(grid)
    hu[drawn(grid, ((side * 150, -30, 0), (12, 30, 400)))] = 500  # ribs, or an arm
    midline = find_midline(hu, grid.affine)
    assert midline.seen_in == ("spine" if spine_in_view else "one flank")
    sides = split_sides(right_sided, grid.affine, midline, 550)
    assert not sides.doubt
    np.testing.assert_array_equal(sides.right, right_sided & (side > 0))


def test_an_arm_beside_the_body_does_not_move_the_middle():
    grid = grid_around(half_mm=(250, 130, 160))
    hu = hu_of(grid)
    hu[drawn(grid, ((195, -20, 0), (34, 34, 400)))] = 40
    midline = find_midline(np.where(hu == 400, 40, hu), grid.affine)
    assert midline.seen_in == "body"
    assert abs(midline.x_mm) < 8


def test_a_misjudged_midline_is_noticed_when_both_lie_beyond_it():
    right, left = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, LEFT_KIDNEY)
    sides = split_sides(right | left, UPRIGHT.affine, Midline(-110.0), 50)
    np.testing.assert_array_equal(sides.right, right)
    assert "one side of the estimated midline" in sides.remark


def test_no_body_no_midline():
    assert find_midline(np.full((20, 20, 20), -1000, np.int16), np.eye(4) * 3) is None


class TestWhereThePublishedAlgorithmFails:
    """Component order, array index and the count of components are not anatomy (facts of its label conversion)."""

    def check(self, grid, mask, right):
        assert not np.array_equal(published_right(mask), right), "the published way would do"
        np.testing.assert_array_equal(split(grid, mask).right, right)

    def test_it_calls_a_lone_right_kidney_left(self):
        right = drawn(UPRIGHT, RIGHT_KIDNEY)
        self.check(UPRIGHT, right, right)

    def test_it_goes_by_the_array_index_when_x_runs_to_the_left(self):
        grid = grid_around(signs=(-1, 1, 1))
        right, left = drawn(grid, RIGHT_KIDNEY), drawn(grid, LEFT_KIDNEY)
        self.check(grid, right | left, right)

    def test_it_goes_by_the_first_axis_when_that_is_the_height(self):
        grid = grid_around(axes=(2, 1, 0), signs=(1, 1, -1))
        right, left = drawn(grid, RIGHT_KIDNEY), drawn(grid, LEFT_KIDNEY)
        self.check(grid, right | left, right)

    def test_it_calls_every_fragment_of_the_left_one_right(self):
        right, left = drawn(UPRIGHT, RIGHT_KIDNEY), drawn(UPRIGHT, LEFT_KIDNEY)
        self.check(UPRIGHT, right | left | drawn(UPRIGHT, ((-110, -40, -70), (6, 5, 7))), right)

    def test_it_calls_fused_lungs_one_left_lung(self):
        right, left, bridge = drawn(UPRIGHT, RIGHT_LUNG), drawn(UPRIGHT, LEFT_LUNG), drawn(UPRIGHT, BRIDGE)
        assert not published_right(right | left | bridge).any()
        ours = split(UPRIGHT, right | left | bridge).right
        np.testing.assert_array_equal(ours & ~bridge, right & ~bridge)


def test_a_real_abdomen():
    ct = read_volume(shared("data", "abdomen_3mm", "ct.nii.gz"))
    labels = read_volume(shared("data", "abdomen_3mm", "totalsegmentator_labels.nii.gz")).voxels
    midline = find_midline(ct.voxels, ct.affine)
    assert midline.seen_in == "spine"
    for right, left in (([2], [3]), ([8], [9]), ([12, 13, 14], [10, 11]), ([76], [75])):
        is_right, is_left = np.isin(labels, right), np.isin(labels, left)
        for mask in (is_right | is_left, is_right, is_left):
            sides = split_sides(mask, ct.affine, midline, 1.0)
            np.testing.assert_array_equal(sides.right, mask & is_right)


def test_real_lungs_cut_by_the_top_of_the_scan():
    ct = read_volume(shared("data", "upper_abdomen_partial_labels", "ct.nii.gz"))
    labels = read_volume(shared("data", "upper_abdomen_partial_labels", "labels.nii.gz")).voxels
    sides = split_sides((labels == 1) | (labels == 2), ct.affine, find_midline(ct.voxels, ct.affine), 550)
    np.testing.assert_array_equal(sides.right, labels == 2)
