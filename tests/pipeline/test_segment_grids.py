"""Masks lie where the anatomy lies: any storage order, oblique and anisotropic grids, scans below a window."""

import itertools
import warnings

import numpy as np
import pytest
from banded_phantom import ELLIPSOIDS_MM, banded_ct, centroid_mm, ras_grid, rotated, stored, truth_mask
from threshold_model import BANDS_HU, SPEC, ThresholdModel

from omentum.errors import CaseWarning
from omentum.pipeline import segment
from omentum.volume import Volume

ORDERS = [
    (axes, flips) for axes in itertools.permutations(range(3)) for flips in itertools.product([False, True], repeat=3)
]


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_on_the_model_grid_every_voxel_is_right(straight):
    for key in BANDS_HU:
        np.testing.assert_array_equal(straight.mask(key), truth_mask(key, straight.grid))


@pytest.mark.parametrize(("axes", "flips"), ORDERS[1::7])
def test_every_storage_order_gives_the_same_voxels(axes, flips, model):
    grid = stored(ras_grid(), axes, flips)
    seg = segment(banded_ct(grid), weights=model, device="cpu")
    np.testing.assert_array_equal(seg.affine, grid.affine)
    for key in BANDS_HU:
        np.testing.assert_array_equal(seg.mask(key), truth_mask(key, grid))


@pytest.mark.parametrize(
    "grid",
    [
        rotated(ras_grid(), 20),
        rotated(stored(ras_grid((2.0, 2.0, 5.0)), (2, 0, 1), (True, False, True)), -35),
        ras_grid((0.9, 1.1, 5.0)),
        ras_grid((1.3, 3.1, 0.8)),
        stored(ras_grid((3.4, 0.7, 2.2)), (1, 2, 0), (False, True, True)),
    ],
    ids=["oblique", "oblique thick", "thick slices", "thick rows", "turned"],
)
def test_the_same_anatomy_comes_out_of_any_grid(grid):
    """All ellipsoids equally bright and cut half-way to fat, so that partial volume moves no surface."""
    bright = ThresholdModel(SPEC, {"liver": (0, 200)})
    truth = np.any([truth_mask(key, grid) for key in ELLIPSOIDS_MM], axis=0)
    hu = np.where(truth, 100, np.minimum(banded_ct(grid).voxels, -100)).astype(np.int16)
    seg = segment(Volume(hu, grid.affine), weights=bright, device="cpu", postprocess="none")
    assert seg.shape == grid.shape
    np.testing.assert_array_equal(seg.affine, grid.affine)
    found = seg.mask("liver")
    assert dice(found, truth) > 0.93
    np.testing.assert_allclose(centroid_mm(found, grid), centroid_mm(truth, grid), atol=0.7)


def test_logits_and_not_masks_are_interpolated(model):
    """At 0.5 mm the surface of a 2 mm model is smooth: far fewer flat steps than nearest-neighbour masks have."""
    fine = ras_grid((0.5, 0.5, 0.5), (60, 50, 56))
    index = np.moveaxis(np.indices(fine.shape), 0, -1)
    radius = np.linalg.norm(fine.to_world(index), axis=-1)
    ct = Volume((150 - 4 * radius).astype(np.float32), fine.affine)  # HU falls linearly: the band 90..110 is a shell
    found = segment(ct, weights=model, device="cpu", force=True, postprocess="none").mask("liver")
    inside = (radius > 10.6) & (radius < 14.4)
    outside = (radius < 9.6) | (radius > 15.4)
    assert found[inside].all()
    assert not found[outside & (radius < 20)].any()


@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 40, 40), (64, 3, 1)])
def test_volumes_below_a_window_come_out_in_their_own_shape(shape, model):
    ct = Volume(np.full(shape, 100, np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
    ct.voxels[0, :2] = -1000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaseWarning)
        seg = segment(ct, weights=model, device="cpu")
    np.testing.assert_array_equal(seg.mask("liver"), ct.voxels == 100)


def test_outside_the_foreground_nothing_is_found():
    """A class that claims all air: only what was cropped away is kept from it."""
    greedy = ThresholdModel(SPEC, {"liver": (-5000, 5000)})
    ct = banded_ct(ras_grid())
    seg = segment(ct, weights=greedy, device="cpu")
    inside = np.argwhere(ct.voxels > SPEC.window_hu[0])
    box = np.zeros(ct.shape, bool)
    box[tuple(slice(a, b + 1) for a, b in zip(inside.min(0), inside.max(0), strict=True))] = True
    np.testing.assert_array_equal(seg.mask("liver"), box)


@pytest.mark.parametrize(("axes", "flips"), ORDERS[2::11])
def test_the_probability_of_lesions_lies_on_their_voxels(axes, flips, model):
    seg = segment(
        banded_ct(rotated(stored(ras_grid((2.0, 2.0, 3.0)), axes, flips), 10)),
        weights=model,
        device="cpu",
        postprocess="none",
    )
    probability = seg.lesion_probability.to_array()
    np.testing.assert_array_equal(probability > 0, seg.mask("liver_tumour"))
    assert probability.max() == 255  # ten HU from the band's edge is a logit of ten
    assert set(seg.confidence) == set(BANDS_HU)
