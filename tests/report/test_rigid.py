import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.report.rigid import Rigid, fitted
from two_scans import motion, moved

POINTS = np.random.default_rng(0).normal(0, 60, (30, 3))


@given(st.tuples(*[st.floats(-170, 170)] * 3), st.tuples(*[st.floats(-500, 500)] * 3))
def test_a_motion_is_found_and_undone(degrees, shift_mm):
    there = moved(POINTS, motion(degrees, shift_mm))
    found = fitted(POINTS, there)
    np.testing.assert_allclose(found(POINTS), there, atol=1e-6)
    np.testing.assert_allclose(found.inverse(there), POINTS, atol=1e-6)
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_a_mirror_image_is_no_motion():
    assert np.linalg.det(fitted(POINTS, POINTS * (-1, 1, 1)).rotation) == pytest.approx(1)


@pytest.mark.parametrize("points", [POINTS[:1], POINTS[:2], np.outer(np.arange(9) * 20, (1, 2, 3))])
def test_what_does_not_fix_a_turn_gives_a_shift(points):
    found = fitted(points, moved(points, motion((0, 0, 40), (5, 6, 7))))
    np.testing.assert_array_equal(found.rotation, np.eye(3))


def test_the_angle():
    assert Rigid(motion((0, 30, 0))[:3, :3], np.zeros(3)).degrees == pytest.approx(30)
