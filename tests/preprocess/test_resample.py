"""Resampling agrees with slow formulas and with MONAI, and works in slabs."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import grids, noise, spacings

from omentum.axis_order import axis_order
from omentum.preprocess.grid import model_grid, positions_on
from omentum.preprocess.prepare import on_model_grid
from omentum.preprocess.resample import SLAB, antialias_sigma, resample, sample_along, smooth_and_sample_along
from omentum.spec import PreprocessSpec
from omentum.volume import Grid, Volume


@given(st.lists(st.floats(-3, 12), min_size=1, max_size=20), st.integers(1, 9), st.integers(0, 2))
def test_one_axis_is_interpolated_as_numpy_does(positions, n, axis):
    lines = np.random.default_rng(0).normal(size=(2, n, 3)).astype(np.float32)
    at = np.array(sorted(positions))
    expected = np.stack([[np.interp(at, np.arange(n), lines[a, :, b]) for b in range(3)] for a in range(2)])
    values = torch.from_numpy(lines).movedim(1, axis)
    found = sample_along(values, axis, at).movedim(axis, 1)
    np.testing.assert_allclose(found.numpy(), expected.transpose(0, 2, 1), atol=1e-5)


def test_the_same_positions_change_nothing():
    values = torch.randn(3, 4)
    assert sample_along(values, 1, np.arange(4.0)) is values


def test_a_straight_line_stays_straight():
    ramp = torch.arange(10.0)
    at = np.linspace(0, 9, 23)
    np.testing.assert_allclose(sample_along(ramp, 0, at).numpy(), at, rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_smoothing_is_a_gaussian_before_sampling(axis):
    from scipy.ndimage import gaussian_filter1d

    values = np.zeros((31, 31, 31), np.float32)
    values[15, 15, 15] = 1
    at = np.linspace(5, 25, 13)
    smooth = gaussian_filter1d(values.astype(np.float64), 1.3, axis=axis, radius=6)
    expected = sample_along(torch.from_numpy(smooth), axis, at).numpy()
    found = smooth_and_sample_along(torch.from_numpy(values), axis, at, 1.3)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_smoothing_keeps_a_constant_up_to_the_edge():
    found = smooth_and_sample_along(torch.full((4, 9), 7.0), 1, np.linspace(0, 8, 4), 2.0)
    np.testing.assert_allclose(found.numpy(), 7, rtol=1e-6)


def test_blur_grows_with_the_ratio_from_none():
    assert [antialias_sigma(r) for r in (0.5, 1.0)] == [0, 0]
    # A box of twice the width: full widths at half maximum add in squares, 2^2 = 1^2 + (2.355 sigma)^2.
    assert antialias_sigma(2.0) == pytest.approx(np.sqrt(3) / 2.3548, rel=1e-4)


def test_antialiasing_removes_noise_that_sampling_would_keep():
    noisy = Volume(np.random.default_rng(0).normal(0, 100, (40, 40, 40)).astype(np.float32), np.eye(4))
    plain, smooth = (
        on_model_grid(noisy, PreprocessSpec(spacing_mm=(3, 3, 3), antialias=antialias)).voxels.std()
        for antialias in (False, True)
    )
    assert plain > 90
    assert smooth < 25


@pytest.mark.parametrize("sigma", [0.0, 0.8])
def test_slabs_are_invisible(sigma):
    voxels = np.random.default_rng(1).integers(-1000, 1000, (6, 5, 3 * SLAB)).astype(np.int16)
    at = (np.linspace(0, 5, 9), np.arange(5.0), np.linspace(0, 3 * SLAB - 1, 4 * SLAB + 3))
    whole = torch.from_numpy(voxels.astype(np.float32))
    for axis in range(3):
        whole = smooth_and_sample_along(whole, axis, at[axis], sigma)
    np.testing.assert_allclose(resample(voxels, at, (sigma,) * 3).numpy(), whole.numpy(), atol=1e-3)


@given(grids(shapes=st.tuples(*[st.integers(2, 9)] * 3)), spacings)
def test_values_shape_and_affine_are_those_of_monai(grid, spacing_mm):
    from monai.data import MetaTensor
    from monai.transforms import Orientation, Spacing

    # Where the last voxel falls half way between two, rounding is a matter of the last bit.
    oriented = axis_order(grid).grid(grid)
    ends = (np.array(oriented.shape) - 1) * oriented.spacing_mm / spacing_mm
    if np.abs(ends % 1 - 0.5).min() < 1e-6:
        return
    ct = Volume(noise(grid), grid.affine)
    ours = on_model_grid(ct, PreprocessSpec(spacing_mm=spacing_mm))
    image = MetaTensor(torch.from_numpy(ct.voxels.astype(np.float64))[None], affine=torch.tensor(grid.affine))
    turned = Orientation("RAS", labels=(("L", "R"), ("P", "A"), ("I", "S")))(image)
    theirs = Spacing(pixdim=spacing_mm, mode="bilinear", padding_mode="border", dtype=torch.float64)(turned)
    assert tuple(theirs.shape[1:]) == ours.shape
    np.testing.assert_allclose(ours.affine, theirs.affine.numpy(), atol=1e-6)
    np.testing.assert_allclose(ours.voxels, theirs.numpy()[0], atol=0.05)


def test_an_oblique_anisotropic_scan_is_sampled_where_it_should_be():
    """A field that is linear in the patient is reproduced exactly, wherever the axes point."""
    grid = Grid((9, 8, 7), np.array([[0, 0.3, 2.9, -5], [-0.8, 0.1, 0.2, 3], [0.1, -1.2, 0.3, 9], [0, 0, 0, 1.0]]))
    slope = np.array([3.0, -2.0, 5.0])
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    found = on_model_grid(Volume((world @ slope).astype(np.float32), grid.affine), PreprocessSpec(spacing_mm=(1, 1, 1)))
    oriented = axis_order(grid).grid(grid)
    inside = positions_on(found.grid, oriented)
    expected = found.grid.to_world(np.moveaxis(np.indices(found.shape), 0, -1)) @ slope
    part = tuple(
        slice(0, int(np.sum(at <= n - 1))) for at, n in zip(inside, axis_order(grid).grid(grid).shape, strict=True)
    )
    np.testing.assert_allclose(found.voxels[part], expected[part], atol=1e-3)
    assert model_grid(grid, PreprocessSpec(spacing_mm=(1, 1, 1))).shape == found.shape


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_in_memory_does_not_matter(order):
    plain = np.random.default_rng(2).integers(-1000, 1500, (11, 21, 9)).astype(np.int16)
    ways = [np.linspace(0, n - 1, 2 * n - 3) for n in plain.shape]
    turned = np.array(plain[::-1, :, ::-1], order=order)[::-1, :, ::-1]
    np.testing.assert_array_equal(resample(turned, ways), resample(plain, ways))
