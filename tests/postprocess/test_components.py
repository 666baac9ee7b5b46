import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from omentum.postprocess.components import closed_holes, components_to_keep, label_components
from omentum.postprocess.rules import Rule
from omentum.volume import Grid

GRID = Grid((20, 20, 20), np.diag([10.0, 10.0, 10.0, 1.0]))
WHOLE = (slice(0, 20), slice(0, 20), slice(0, 20))


def cube(at, size, mask=None):
    mask = np.zeros(GRID.shape, bool) if mask is None else mask
    mask[tuple(slice(a, a + size) for a in at)] = True
    return mask


def stay(mask, rule):
    components = label_components([(WHOLE, mask)])
    return whole(components, components_to_keep(components, rule, GRID))


def whole(components, wanted, shape=GRID.shape):
    found = np.zeros(shape, bool)
    for box, mask in components.selected(wanted):
        found[box] |= mask
    return found


@given(arrays(bool, (6, 5, 4), elements=st.booleans()))
def test_cavities_are_what_scipy_fills(mask):
    filled = ndimage.binary_fill_holes(mask)
    np.testing.assert_array_equal(closed_holes(mask, np.inf), filled & ~mask)


def test_only_small_cavities_are_filled():
    mask = cube((1, 1, 1), 8) | cube((10, 10, 10), 8)
    mask[3:5, 3:5, 3:5] = False  # 8 voxels
    mask[13, 13, 13] = False
    found = closed_holes(mask, 1)
    assert np.argwhere(found).tolist() == [[13, 13, 13]]


@given(arrays(bool, (6, 5, 4), elements=st.booleans()))
def test_pieces_are_those_of_scipy(mask):
    components = label_components([((slice(0, 6), slice(0, 5), slice(0, 4)), mask)])
    _, n = ndimage.label(mask, np.ones((3, 3, 3)))
    assert len(components) == n
    assert components.voxels.sum() == mask.sum()
    np.testing.assert_array_equal(whole(components, np.arange(n + 1) > 0, mask.shape), mask)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_n_largest_stay(n):
    parts = [cube((2, 2, 2), 4), cube((8, 8, 8), 3), cube((13, 13, 13), 2), cube((17, 3, 3), 1)]
    np.testing.assert_array_equal(stay(np.any(parts, axis=0), Rule(keep=n)), np.any(parts[:n], axis=0))


def test_small_pieces_go_by_volume_and_not_by_voxels():
    mask = cube((2, 2, 2), 2) | cube((9, 9, 9), 1)
    np.testing.assert_array_equal(stay(mask, Rule(minimum_ml=7.9)), cube((2, 2, 2), 2))
    np.testing.assert_array_equal(stay(mask, Rule(minimum_ml=1.0)), mask)


def test_of_two_equal_pieces_the_higher_one_stays():
    low, high = cube((3, 3, 3), 2), cube((9, 9, 9), 2)
    np.testing.assert_array_equal(stay(low | high, Rule(keep=1)), high)


def test_mirror_images_of_one_another_stay_together():
    both = cube((3, 3, 3), 2) | cube((15, 3, 3), 2)
    np.testing.assert_array_equal(stay(both, Rule(keep=1)), both)


def test_what_reaches_the_same_end_of_the_scan_is_one_organ():
    """The two legs of an organ whose bridge the scan does not show."""
    legs = cube((2, 2, 17), 3) | cube((10, 10, 18), 2)
    inside = cube((14, 2, 2), 2)
    np.testing.assert_array_equal(stay(legs | inside, Rule(keep=1)), legs)
    np.testing.assert_array_equal(stay(cube((2, 2, 17), 3) | cube((10, 10, 0), 2), Rule(keep=1)), cube((2, 2, 17), 3))


def test_a_tip_at_the_edge_of_the_image_need_not_be_large():
    tip, speck = cube((5, 5, 18), 2), cube((5, 5, 8), 2)  # 8 ml each
    np.testing.assert_array_equal(stay(tip | speck, Rule(minimum_ml=20.0)), tip)
    assert not stay(tip, Rule(minimum_ml=90.0)).any()
