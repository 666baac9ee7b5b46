import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from two_scans import motion, moved, stretch

from omentum.follow_up.transform import AffineTransform, fit_affine, fit_rigid

POINTS = np.random.default_rng(0).normal(0, 60, (30, 3))


@given(st.tuples(*[st.floats(-170, 170)] * 3), st.tuples(*[st.floats(-500, 500)] * 3))
def test_a_motion_is_found_and_undone(degrees, shift_mm):
    there = moved(POINTS, motion(degrees, shift_mm))
    found = fit_rigid(POINTS, there)
    np.testing.assert_allclose(found(POINTS), there, atol=1e-6)
    np.testing.assert_allclose(found.inverse(there), POINTS, atol=1e-6)
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_a_mirror_image_is_no_motion():
    assert np.linalg.det(fit_rigid(POINTS, POINTS * (-1, 1, 1)).rotation) == pytest.approx(1)


@pytest.mark.parametrize("points", [POINTS[:1], POINTS[:2], np.outer(np.arange(9) * 20, (1, 2, 3))])
def test_what_does_not_fix_a_turn_gives_a_shift(points):
    found = fit_rigid(points, moved(points, motion((0, 0, 40), (5, 6, 7))))
    np.testing.assert_array_equal(found.linear, np.eye(3))


def test_the_angle():
    assert AffineTransform(motion((0, 30, 0))[:3, :3], np.zeros(3)).degrees == pytest.approx(30)


@given(
    st.tuples(*[st.floats(-170, 170)] * 3),
    st.tuples(*[st.floats(0.7, 1.4)] * 3),
    st.floats(-0.3, 0.3),
    st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_stretch_and_shear_are_found_and_undone(degrees, factors, shear, shift_mm):
    there = moved(POINTS, stretch(factors, shear, degrees, shift_mm))
    found = fit_affine(POINTS, there)
    np.testing.assert_allclose(found(POINTS), there, atol=1e-6)
    np.testing.assert_allclose(found.inverse(there), POINTS, atol=1e-6)
    assert np.prod(found.scale_factors) == pytest.approx(np.prod(factors))


def test_the_turn_of_a_stretched_body_is_the_turn():
    linear = motion((0, 0, 25))[:3, :3] @ np.diag([0.8, 0.9, 1.1])
    found = AffineTransform(linear, np.zeros(3))
    assert found.degrees == pytest.approx(25)
    assert found.scale_factors == pytest.approx((1.1, 0.9, 0.8))


@pytest.mark.parametrize("points", [POINTS[:1], POINTS[:3], POINTS * (1, 1, 0.1)])
def test_what_does_not_fix_a_stretch_gives_none(points):
    assert fit_affine(points, points * 1.2).scale_factors == pytest.approx((1, 1, 1))


def test_motions_one_after_the_other():
    first, then = (fit_affine(POINTS, moved(POINTS, stretch(f, 0.1, d, (1, 2, 3)))) for f, d in
                   (((1.1, 0.9, 1), (10, 0, 5)), ((0.8, 1, 1.2), (0, 20, 0))))  # fmt: skip
    np.testing.assert_allclose(first.followed_by(then)(POINTS), then(first(POINTS)), atol=1e-9)
