"""Synthetic lesions in a crop of an organ: where they are, and what of the crop stays."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from omentum.anatomy import STRUCTURES
from omentum.phantom.lesions import crop_implant
from omentum.phantom.lesions.crop_implant import LEAST_CONTRAST_HU, implant_in_crop
from omentum.volume import Grid

SHAPE = (40, 36, 32)
GRID = Grid(SHAPE, np.diag([2.5, 2.5, 3.0, 1.0]))


def organ(seed=0, noise_hu=8.0):
    """An ellipsoid with noise, in fat."""
    rng = np.random.default_rng(seed)
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    room = (((index - np.array(SHAPE) / 2) / (18, 16, 14)) ** 2).sum(-1) <= 1
    return np.where(room, rng.normal(0, noise_hu, SHAPE), -150).astype(np.float32), room


@pytest.mark.parametrize("structure", ["liver_tumour", "kidney_tumour", "kidney_cyst", "pancreas_tumour"])
def test_a_lesion_lies_in_its_organ_and_differs_from_it(structure):
    seen = 0
    for seed in range(12):
        hu, room = organ(seed)
        before = hu.copy()
        lesion = implant_in_crop(np.random.default_rng(seed), hu, room, GRID, structure)
        assert np.array_equal(hu, before)
        assert lesion.mask.any()
        assert not (lesion.mask & ~room).any()
        assert structure in lesion.structures
        assert all(STRUCTURES[key].is_lesion for key in lesion.structures)
        changed = lesion.hu != hu
        assert changed[lesion.mask].mean() > 0.9
        assert changed.sum() < 3 * lesion.mask.sum() + 500
        core = np.abs(np.median(lesion.hu[lesion.mask]) - np.median(hu[room]))
        seen += core > 0.5 * LEAST_CONTRAST_HU
    assert seen >= 9  # two layers of opposite contrast may have a median of nothing


def test_the_noise_is_that_of_the_crop(monkeypatch):
    monkeypatch.setattr(crop_implant, "TEXTURE_SHARE", 0.0)
    for noise_hu in (5.0, 20.0):
        hu, room = organ(3, noise_hu)
        lesions = [implant_in_crop(np.random.default_rng(seed), hu, room, GRID, "kidney_cyst") for seed in range(9)]
        lesion = max(lesions, key=lambda one: one.mask.sum())
        core = binary_erosion(lesion.mask, iterations=2)
        assert core.sum() > 30
        assert 0.5 * noise_hu < np.std(lesion.hu[core]) < 1.2 * noise_hu


def test_lesions_of_the_liver_are_two_classes_and_each_is_another_one():
    hu, room = organ()
    masks = [implant_in_crop(np.random.default_rng(seed), hu, room, GRID, "liver_tumour") for seed in range(4)]
    assert all(one.structures == ("liver_tumour", "hepatic_vessel_tumour") for one in masks)
    assert len({one.mask.tobytes() for one in masks}) == 4
    again = implant_in_crop(np.random.default_rng(2), hu, room, GRID, "liver_tumour")
    assert np.array_equal(again.hu, masks[2].hu)


def test_without_room_there_is_no_lesion():
    hu, room = organ()
    assert implant_in_crop(np.random.default_rng(0), hu, np.zeros_like(room), GRID, "liver_tumour") is None
