from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omentum.evaluate.metrics.detection import Detection, LesionCount, detect, size_bin

masks = arrays(bool, (6, 6, 6), elements=st.sampled_from([False] * 5 + [True]))


def cube(at, side, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, a + side) for a in at)] = True
    return mask


@given(masks, masks)
def test_sides_can_be_swapped_and_counts_add_up(a, b):
    forth, back = detect(a, b, 1e-3), detect(b, a, 1e-3)
    assert forth.reference_lesions == back.predicted_lesions
    assert forth.any_overlap >= forth.true_positives
    assert sum(found.total for found in forth.by_size.values()) == forth.reference_lesions
    assert sum(found.found for found in forth.by_size.values()) == forth.true_positives
    assert sum(forth.false_positives_by_size.values()) == forth.false_positives


def test_every_lesion_of_a_perfect_prediction_is_found():
    mask = cube((1, 1, 1), 4) | cube((10, 10, 10), 5)
    found = detect(mask, mask, 1e-3)
    assert (found.sensitivity, found.precision, found.matched_iou) == (1.0, 1.0, (1.0, 1.0))


def test_a_small_reference_lesion_is_not_asked_for_and_its_match_not_false():
    small = cube((1, 1, 1), 2)
    assert detect(small, small, 1e-3, minimum_ml=0.03) == Detection()


def test_a_small_prediction_beside_nothing_is_not_false_but_a_large_one_is():
    nothing = np.zeros((20, 20, 20), bool)
    pred = cube((1, 1, 1), 2) | cube((10, 10, 10), 4)
    assert detect(pred, nothing, 1e-3, minimum_ml=0.03).false_positives == 1


def test_a_small_prediction_may_find_a_large_lesion():
    found = detect(cube((1, 1, 1), 3), cube((1, 1, 1), 4), 1e-3, minimum_ml=0.03)
    assert found.true_positives == 1


def test_nothing_at_all_has_no_sensitivity():
    nothing = np.zeros((3, 3, 3), bool)
    assert detect(nothing, nothing, 1e-3).sensitivity is None


def test_a_touch_counts_for_any_overlap_only():
    found = detect(cube((3, 1, 1), 4), cube((0, 0, 0), 4), 1e-3)
    assert (found.true_positives, found.any_overlap) == (0, 1)


@pytest.mark.parametrize(
    ("diameter_mm", "name"),
    [(9.9, "< 10 mm"), (10.1, "10-20 mm"), (19.9, "10-20 mm"), (20.1, "> 20 mm")],
)
def test_size_is_the_diameter_of_the_sphere_of_equal_volume(diameter_mm, name):
    assert size_bin(math.pi * diameter_mm**3 / 6000) == name


def test_detections_of_cases_add_up():
    mask = cube((1, 1, 1), 4)
    nothing = np.zeros_like(mask)
    both = detect(mask, mask, 1e-3) + detect(nothing, mask, 1e-3)
    assert (both.true_positives, both.false_negatives) == (1, 1)
    assert both.by_size["< 10 mm"] == LesionCount(1, 2)
