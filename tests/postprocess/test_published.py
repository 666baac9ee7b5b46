"""What the published rules did, and what they failed on."""

import numpy as np
import pytest
from strategies import STORAGE_ORDERS, in_storage_order
from torso import SHAPE, block, torso_affine, torso_masks

from omentum.postprocess import clean_as_published
from omentum.segmentation import Segmentation

NOTHING = np.zeros(SHAPE, bool)
RIGHT = block((18, 24), (2, 8), (3, 10))
LEFT = block((6, 12), (2, 8), (4, 10))
SPECK = block((1, 3), (1, 3), (1, 3))


def published(**masks):
    return clean_as_published(torso_masks(**masks)).segmentation


@pytest.mark.parametrize("key", ["spleen", "colon", "aorta", "left_kidney", "coeliac_trunk"])
def test_one_piece_is_kept_of_nearly_everything(key):
    np.testing.assert_array_equal(published(**{key: RIGHT | SPECK}).mask(key), RIGHT)


@pytest.mark.parametrize("key", ["hepatic_vessel", "lung_tumour", "kidney_cyst", "hepatic_vessel_tumour"])
def test_some_are_left_alone(key):
    np.testing.assert_array_equal(published(**{key: RIGHT | SPECK}).mask(key), RIGHT | SPECK)


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS[::5])
def test_the_portal_vein_ends_where_the_pancreas_does_wherever_down_is(axes, signs):
    vein, pancreas = block((14, 16), (3, 5), (1, 14)), block((10, 20), (4, 6), (6, 9)) | SPECK
    masks = {"portal_splenic_vein": vein, "pancreas": pancreas}
    stored = {key: in_storage_order(m, torso_affine(), axes, signs) for key, m in masks.items()}
    seg = Segmentation.from_masks({key: m for key, (m, _) in stored.items()}, stored["pancreas"][1])
    expected = vein & block((0, 30), (0, 12), (6, 16))
    found = clean_as_published(seg).segmentation.mask("portal_splenic_vein")
    np.testing.assert_array_equal(found, in_storage_order(expected, torso_affine(), axes, signs)[0])


def test_an_empty_pancreas_stops_nothing():
    vein = block((14, 16), (3, 5), (1, 14))
    seg = published(pancreas=NOTHING, portal_splenic_vein=vein)
    np.testing.assert_array_equal(seg.mask("portal_splenic_vein"), vein)


def test_two_lungs_are_told_apart_by_place():
    seg = published(right_lung=LEFT | SPECK, left_lung=RIGHT)
    np.testing.assert_array_equal(seg.mask("right_lung"), RIGHT)
    np.testing.assert_array_equal(seg.mask("left_lung"), LEFT)


@pytest.mark.parametrize(
    "lungs",
    [
        {"right_lung": block((15, 24), (2, 8), (3, 10)), "left_lung": block((6, 15), (2, 8), (3, 10))},
        {"right_lung": NOTHING, "left_lung": LEFT},
        {"left_lung": LEFT},
        {"right_lung": NOTHING, "left_lung": NOTHING},
    ],
    ids=["fused", "single", "asked for alone", "none"],
)
def test_fused_or_single_lungs_are_not_erased(lungs):
    seg = published(**lungs)
    for key, mask in lungs.items():
        np.testing.assert_array_equal(seg.mask(key), mask)


def test_a_liver_tumour_is_cut_to_the_closed_and_dilated_liver():
    """A neighbourhood of 5 voxels of 1.5 mm reaches 3 mm: one voxel of 3 mm."""
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    liver, tumour = block((8, 16), (2, 8), (3, 10)), block((14, 22), (3, 5), (4, 6))
    liver = liver & ~block((15, 16), (3, 4), (4, 5))
    seg = Segmentation.from_masks({"liver": liver | SPECK, "liver_tumour": tumour | SPECK}, affine)
    found = clean_as_published(seg).segmentation.mask("liver_tumour")
    np.testing.assert_array_equal(found, block((14, 17), (3, 5), (4, 6)))


def test_a_tumour_without_an_organ_goes_unless_the_organ_was_not_asked_for():
    assert not published(liver=NOTHING, liver_tumour=RIGHT).mask("liver_tumour").any()
    assert published(liver_tumour=RIGHT).mask("liver_tumour").any()
    assert published(right_kidney=RIGHT, kidney_tumour=LEFT).mask("kidney_tumour").any()
