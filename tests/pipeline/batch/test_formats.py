"""A batch of CTs in several file formats."""

import numpy as np
import pytest
from case_files import SPEC, put_ct
from threshold_model import ThresholdModel

import omentum
from omentum.io.nifti import read_volume


def test_a_folder_of_all_formats_is_a_batch_and_its_results_are_equal(tmp_path, monkeypatch):
    sitk = pytest.importorskip("SimpleITK")
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    cts, out = tmp_path / "cts", tmp_path / "out"
    cts.mkdir()
    image = sitk.ReadImage(str(put_ct(str(cts / "nifti.nii.gz"))))
    for name in ("nrrd.nrrd", "meta.mha", "two.mhd"):
        sitk.WriteImage(image, str(cts / name))
    (cts / "drawn.seg.nrrd").write_bytes(b"")  # no CT
    save, alone = omentum.SaveOptions(preview=False, report=False), omentum.BatchOptions(jobs=0)
    result = omentum.segment_batch(cts, out, save=save, batch=alone)
    assert not result.failed
    assert [outcome.job.case for outcome in result.outcomes] == ["meta", "nifti", "nrrd", "two"]
    expected = read_volume(out / "nifti" / "segmentation.nii.gz")
    for name in ("meta", "nrrd", "two"):
        found = read_volume(out / name / "segmentation.nii.gz")
        np.testing.assert_array_equal(found.voxels, expected.voxels)
        np.testing.assert_allclose(found.affine, expected.affine, atol=1e-5)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_a_label_map_in_another_format_has_the_same_masks(suffix, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 3:6, 1:9] = omentum.STRUCTURES["liver"].index
    labels[6:, 3:6, 1:9] = omentum.STRUCTURES["spleen"].index
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels.T))
    image.SetSpacing((2, 3, 4))
    sitk.WriteImage(image, str(tmp_path / f"labels{suffix}"))
    found = omentum.read_segmentation(tmp_path / f"labels{suffix}")
    assert {*found.present()} == {"liver", "spleen"}
    np.testing.assert_array_equal(found.mask("liver"), labels == omentum.STRUCTURES["liver"].index)
    np.testing.assert_allclose(found.affine, np.diag([-2.0, -3, 4, 1]))
