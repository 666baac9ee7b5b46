"""There and back: the tensor does not depend on how a scan is stored, and masks return to their place."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import STORAGE_ORDERS, grids, in_storage_order, noise, spacings

from omentum.boxes import starts
from omentum.preprocess.prepare import on_model_grid, prepare, prepare_upright
from omentum.preprocess.resample import sample_along
from omentum.spec import PreprocessSpec
from omentum.volume import Volume

SPEC = PreprocessSpec(spacing_mm=(1.5, 1.5, 1.5))


def body(shape=(14, 12, 9)):
    """A lopsided block of tissue in air, so that no flip goes unseen."""
    hu = np.full(shape, -1000, np.int16)
    hu[3:11, 2:9, 1:7] = np.random.default_rng(0).integers(-100, 200, (8, 7, 6))
    return hu


def undone(mask, undo):
    """A mask on the model grid taken back by interpolating it and asking for more than a half."""
    values = torch.from_numpy(mask.astype(np.float32))
    inside = []
    for axis, at in enumerate(undo.positions):
        inside.append((at >= -0.5 - 1e-6) & (at <= mask.shape[axis] - 0.5 + 1e-6))
        values = sample_along(values, axis, at)
    native = np.zeros(undo.native.shape, bool)
    undo.oriented_view(native)[:] = (values.numpy() > 0.5) & inside[0][:, None, None] & inside[1][:, None] & inside[2]
    return native


def oblique():
    affine = np.diag([0.9, 1.1, 2.5, 1.0])
    affine[:3, :3] = Rotation.from_euler("xyz", [4, -7, 11], degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = [-20, 35, 100]
    return affine


@pytest.mark.parametrize("affine", [np.diag([0.9, 1.1, 2.5, 1.0]), oblique()], ids=["upright", "oblique"])
@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS)
def test_all_48_storage_orders_give_the_same_tensor_and_their_own_grid_back(axes, signs, affine):
    hu = body()
    reference = prepare(Volume(hu, affine), SPEC)
    stored, stored_affine = in_storage_order(hu, affine, axes, signs)
    found = prepare(Volume(stored, stored_affine), SPEC)
    torch.testing.assert_close(found.tensor, reference.tensor, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.undo.model.affine, reference.undo.model.affine, atol=1e-9)
    bright = reference.tensor[0, 0].numpy() > 0.6
    expected, _ = in_storage_order(undone(bright, reference.undo), affine, axes, signs)
    np.testing.assert_array_equal(undone(bright, found.undo), expected)
    assert expected.any()


@given(grids())
def test_on_its_own_spacing_a_mask_returns_voxel_for_voxel(grid):
    ct = Volume(noise(grid), grid.affine)
    turned = prepare(ct, PreprocessSpec()).undo.oriented
    prepared = prepare(ct, PreprocessSpec(spacing_mm=turned.spacing_mm))
    threshold = (38.5 + 175) / 425
    found = undone(prepared.tensor[0, 0].numpy() > threshold, prepared.undo)
    np.testing.assert_array_equal(found, ct.voxels > 38.5)


@given(grids(), spacings, st.booleans())
def test_any_grid_can_be_prepared(grid, spacing_mm, antialias):
    prepared = prepare(Volume(noise(grid), grid.affine), PreprocessSpec(spacing_mm=spacing_mm, antialias=antialias))
    assert prepared.tensor.shape == (1, 1, *prepared.undo.model.shape)
    assert prepared.tensor.dtype == torch.float32
    assert prepared.tensor.is_contiguous()
    assert 0 <= float(prepared.tensor.min()) <= float(prepared.tensor.max()) <= 1
    assert undone(np.ones(prepared.undo.model.shape, bool), prepared.undo).shape == grid.shape


def test_a_ball_keeps_its_volume_and_centre_through_a_coarser_grid():
    spacing = np.array([0.8, 0.8, 2.0])
    at = (np.indices((60, 60, 24)).transpose(1, 2, 3, 0) * spacing) - [24, 20, 22]
    ball = (at**2).sum(axis=-1) < 15**2
    affine = np.diag([-0.8, 0.8, -2.0, 1.0])
    prepared = prepare(Volume(np.where(ball, 100, -100).astype(np.int16), affine), PreprocessSpec())
    back = undone(prepared.tensor[0, 0].numpy() > 175 / 425, prepared.undo)
    assert back.sum() == pytest.approx(ball.sum(), rel=0.03)
    np.testing.assert_allclose(np.argwhere(back).mean(axis=0), np.argwhere(ball).mean(axis=0), atol=0.1)


def test_the_crop_holds_all_tissue_and_little_else():
    prepared = prepare(Volume(body(), np.diag([1.5, 1.5, 1.5, 1.0])), SPEC)
    assert prepared.tensor.shape == (1, 1, 8, 7, 6)
    assert starts(prepared.undo.box) == (3, 2, 1)
    np.testing.assert_array_equal(prepared.undo.model.affine[:3, 3], [4.5, 3.0, 1.5])
    outside = undone(np.ones((8, 7, 6), bool), prepared.undo)
    np.testing.assert_array_equal(outside, body() > -1000)


def test_a_scan_of_air_is_kept_whole():
    air = Volume(np.full((6, 5, 4), -1000, np.int16), np.eye(4))
    assert prepare(air, PreprocessSpec((1, 1, 1))).tensor.shape == (1, 1, 6, 5, 4)


def test_windowing_comes_after_resampling():
    edge = np.array([-1000, 1000], np.int16).reshape(2, 1, 1)
    half_way = on_model_grid(Volume(edge, np.diag([3.0, 1.5, 1.5, 1.0])), SPEC).voxels.ravel()
    np.testing.assert_allclose(half_way, [-1000, 0, 1000])


def test_spec_orientation_is_obeyed():
    prepared = prepare(Volume(body(), np.eye(4)), PreprocessSpec(spacing_mm=(1, 1, 1), orientation="LPS"))
    assert prepared.undo.model.orientation == "LPS"


@pytest.mark.parametrize("padding", [-2000, -3024, -32768])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("euler", [(0, 0, 0), (0, 40, 10)], ids=["upright", "oblique"])
def test_padding_outside_the_field_of_view_is_air_before_it_is_mixed(padding, antialias, euler):
    affine = np.diag([0.9, 1.1, 2.5, 1.0])
    affine[:3, :3] = Rotation.from_euler("xyz", euler, degrees=True).as_matrix() @ affine[:3, :3]
    spec = PreprocessSpec(spacing_mm=(3, 3, 3), antialias=antialias)
    air = body((24, 22, 19))
    air[10:, 12:, 4:] = -1024
    padded = air.copy()
    padded[10:, 12:, 4:] = padding
    expected, found = (prepare_upright(Volume(hu, affine), spec).tensor for hu in (air, padded))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
