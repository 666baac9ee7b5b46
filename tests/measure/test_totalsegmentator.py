import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.anatomy.totalsegmentator import TOTALSEGMENTATOR_NAMES
from omentum.measure import measure, statistics_json
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def test_names_are_of_our_structures_and_used_once():
    assert TOTALSEGMENTATOR_NAMES.keys() <= set(STRUCTURES.keys)
    assert len(set(TOTALSEGMENTATOR_NAMES.values())) == len(TOTALSEGMENTATOR_NAMES)
    assert not set(TOTALSEGMENTATOR_NAMES.values()) & (set(STRUCTURES.keys) - set(TOTALSEGMENTATOR_NAMES))


def test_volume_in_mm3_and_mean_hu_under_their_names():
    affine = np.diag([-1.5, 2.0, 2.5, 1.0])
    hu = np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4)
    kidney, rectum = np.zeros(hu.shape, bool), np.zeros(hu.shape, bool)
    kidney[1:3, 1:3, 1:3] = True
    masks = {"right_kidney": kidney, "bladder": rectum, "rectum": kidney}
    statistics = statistics_json(measure(Volume(hu, affine), Segmentation.from_masks(masks, affine)))
    found = {"volume": pytest.approx(8 * 7.5), "intensity": pytest.approx(hu[kidney].mean())}
    assert statistics == {"kidney_right": found, "urinary_bladder": {"volume": 0.0, "intensity": 0.0}, "rectum": found}
