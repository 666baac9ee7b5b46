"""What a label map does not show of a reference: counted, and only what nothing gives back."""

import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.evaluate import hidden_shares, most_hidden
from omentum.io.labels import read_labelmap
from omentum.io.nifti import write_labelmap
from omentum.segmentation import Segmentation

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def box(i, j=slice(None)):
    mask = np.zeros((20, 10, 5), bool)
    mask[i, j] = True
    return mask


def scan():
    return Segmentation.from_masks(
        {
            "pancreas": box(slice(0, 10)),
            "portal_splenic_vein": box(slice(8, 12)),
            "liver": box(slice(12, 20)),
            "hepatic_vessel": box(slice(14, 18), slice(0, 5)),
            "hepatic_vessel_tumour": box(slice(16, 19), slice(0, 5)),
        },
        AFFINE,
    )


def test_a_vein_hides_the_pancreas_and_a_tumour_the_vessel_but_no_lesion_its_host():
    shares = hidden_shares(scan(), STRUCTURES.keys)
    assert shares == pytest.approx({"pancreas": 0.2, "hepatic_vessel": 0.5})


def test_what_the_label_map_does_not_have_hides_nothing_there():
    assert hidden_shares(scan(), ("pancreas", "liver", "hepatic_vessel")) == {}
    assert hidden_shares(scan(), ()) == {}


def test_it_is_just_what_reading_a_label_map_lacks(tmp_path):
    seg = scan()
    write_labelmap(tmp_path / "s.nii.gz", seg)
    back = read_labelmap(tmp_path / "s.nii.gz")
    shares = hidden_shares(seg, back.classes)
    for key in seg.classes:
        whole = seg.mask(key).sum()
        assert back.mask(key).sum() == pytest.approx(whole * (1 - shares.get(key, 0)))
    assert hidden_shares(back, back.classes) == {}


def test_a_few_voxels_are_not_worth_a_word():
    masks = {"pancreas": np.ones((20, 10, 5), bool), "portal_splenic_vein": np.zeros((20, 10, 5), bool)}
    masks["portal_splenic_vein"].flat[:9] = True
    assert hidden_shares(Segmentation.from_masks(masks, AFFINE), STRUCTURES.keys) == {}


def test_of_many_cases_the_most_is_told():
    cases = [{"a": 0.1, "b": 0.2}, {}, {"a": 0.3}]
    assert list(most_hidden(cases).items()) == [("a", 0.3), ("b", 0.2)]
