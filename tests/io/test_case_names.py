"""Names of cases: one rule for inputs and for evaluation."""

from pathlib import Path

import pytest

from omentum.evaluate.pairing import find_pairs
from omentum.io.case_names import case_name, is_nifti_name, is_segmentation_name


@pytest.mark.parametrize("file", ["a.b.nii.gz", "a.b.nii", "a.b.NII.GZ", "a.b.Nii"])
def test_a_case_is_called_like_its_file_without_the_suffix_in_any_case(file):
    assert case_name(Path("somewhere") / file) == "a.b"
    assert is_nifti_name(Path(file))


def test_hidden_files_are_no_images():
    assert not is_nifti_name(Path("._liver_0.nii.gz"))


def test_files_with_suffixes_in_capitals_are_paired(tmp_path):
    for folder, name in (("pred", "one.NII.GZ"), ("ref", "one.nii.gz"), ("pred", "two.nii"), ("ref", "two.NII")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).touch()
    pairs = find_pairs(tmp_path / "pred", tmp_path / "ref", {})
    assert [(pair.name, pair.prediction.name) for pair in pairs] == [("one", "one.NII.GZ"), ("two", "two.nii")]


@pytest.mark.parametrize("file", ["a.b.seg.nrrd", "a.b.SEG.NRRD"])
def test_a_file_of_all_masks_is_called_after_its_case(file):
    assert case_name(Path("somewhere") / file) == "a.b"
    assert is_segmentation_name(Path(file))
    assert not is_segmentation_name(Path(f".{file}"))
    assert not is_nifti_name(Path(file))
