"""A label map and what it hides are together every mask, voxel by voxel."""

import nibabel as nib
import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from hypothesis import given
from hypothesis import strategies as st

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, InputError
from omentum.io.nifti import write_labelmap, write_volume
from omentum.io.overlaps import read_layered, write_overlaps
from omentum.segmentation import Segmentation
from omentum.volume import Volume

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
CLASSES = ("liver", "liver_tumour", "pancreas", "right_kidney", "kidney_cyst", "hepatic_vessel")


def there_and_back(seg, folder):
    write_labelmap(folder / "labels.nii.gz", seg)
    layers = write_overlaps(folder / "overlaps.nii.gz", seg)
    return read_layered(folder / "labels.nii.gz", folder / "overlaps.nii.gz", layers, seg.classes), layers


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.1, 0.5, 0.9]), number=st.sampled_from([1, 6, 32]))
def test_any_masks_come_back(seed, share, number, tmp_path_factory):
    keys = STRUCTURES.keys if number == 32 else CLASSES[:number]
    random = np.random.default_rng(seed)
    seg = Segmentation.from_masks({key: random.random((4, 5, 6)) < share for key in keys}, AFFINE)
    back, layers = there_and_back(seg, tmp_path_factory.mktemp("case"))
    assert back.classes == seg.classes
    assert layers <= max(0, number - 1)
    np.testing.assert_array_equal(back.bits, seg.bits)


def test_where_nothing_is_hidden_there_is_no_file(tmp_path):
    masks = {key: np.zeros((3, 3, 3), bool) for key in CLASSES}
    masks["liver"][0], masks["pancreas"][1] = True, True
    back, layers = there_and_back(Segmentation.from_masks(masks, AFFINE), tmp_path)
    assert layers == 0
    assert not (tmp_path / "overlaps.nii.gz").exists()
    assert back.mask("pancreas").sum() == 9


@pytest.mark.parametrize("deep", [1, 3])
def test_other_programs_see_numbers_on_the_same_grid(deep, tmp_path):
    grid = rotated(stored(ras_grid((2.0, 3.0, 4.0)), (2, 0, 1), (True, False, True)), 20)
    masks = {key: np.ones(grid.shape, bool) for key in CLASSES[: deep + 1]}
    seg = Segmentation.from_masks(masks, grid.affine)
    there_and_back(seg, tmp_path)
    labels, hidden = nib.load(tmp_path / "labels.nii.gz"), nib.load(tmp_path / "overlaps.nii.gz")
    np.testing.assert_array_equal(labels.affine, hidden.affine)
    assert hidden.shape == (grid.shape if deep == 1 else (*grid.shape, deep))
    order = sorted(masks, key=lambda key: STRUCTURES[key].paint_order, reverse=True)
    assert (np.asarray(labels.dataobj) == STRUCTURES[order[0]].index).all()
    for n, key in enumerate(order[1:]):
        layer = np.asarray(hidden.dataobj).reshape(*grid.shape, deep)[..., n]
        assert (layer == STRUCTURES[key].index).all()


def test_files_that_do_not_go_together_are_refused(tmp_path):
    masks = {key: np.ones((3, 3, 3), bool) for key in CLASSES[:2]}
    there_and_back(Segmentation.from_masks(masks, AFFINE), tmp_path)
    write_volume(tmp_path / "other.nii.gz", Volume(np.zeros((3, 3, 4), np.uint8), AFFINE))
    with pytest.raises(InputError, match="another grid than the label map"):
        read_layered(tmp_path / "labels.nii.gz", tmp_path / "other.nii.gz", 1, CLASSES[:2])
    with pytest.raises((InputError, GeometryError), match="No such file"):
        read_layered(tmp_path / "labels.nii.gz", tmp_path / "gone.nii.gz", 1, CLASSES[:2])
