"""What can be segmented from Python: everything that says where its voxels are, and a clear word for the rest."""

import os
import stat
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from banded_phantom import banded_ct, ras_grid
from dicom_files import write_stack
from threshold_model import SPEC, ThresholdModel

from omentum.errors import GeometryError, InputError, UsageError
from omentum.io.detect import load_volume
from omentum.io.nifti import write_volume
from omentum.pipeline import Segmenter, SegmentOptions, segment
from omentum.volume import Volume

MODEL = ThresholdModel(SPEC)
CT = banded_ct(ras_grid((3.0, 3.0, 4.0)))


@pytest.fixture(scope="module")
def expected():
    return segment(CT, weights=MODEL, device="cpu")


def in_four_dimensions():
    return nib.Nifti1Image(CT.voxels[..., None], CT.affine)


@pytest.mark.parametrize(
    "image",
    [
        lambda: nib.Nifti1Image(CT.voxels, CT.affine),
        lambda: nib.Nifti2Image(CT.voxels.astype(np.float64), CT.affine),
        lambda: nib.MGHImage(CT.voxels.astype(np.float32), CT.affine),
        in_four_dimensions,
        lambda: (CT.voxels, CT.affine),
        lambda: (torch.as_tensor(CT.voxels), CT.affine.tolist()),
        lambda: Volume(torch.as_tensor(CT.voxels), CT.affine),
        lambda: Volume(nib.Nifti1Image(CT.voxels, CT.affine).dataobj, CT.affine),
        lambda: Volume(CT.voxels.tolist(), CT.affine),
    ],
    ids=["nibabel", "nifti 2", "mgh", "4D of one", "pair", "pair of tensor and list", "tensor", "dataobj", "lists"],
)
def test_images_with_a_geometry_are_segmented(image, expected):
    found = segment(image(), weights=MODEL, device="cpu")
    np.testing.assert_array_equal(found.bits, expected.bits)
    np.testing.assert_allclose(found.affine, CT.affine, atol=1e-4)
    assert found.manifest["input"]["file"] is None


def test_a_nibabel_image_from_a_file_is_that_file_with_its_scaling(tmp_path, expected):
    image = nib.Nifti1Image((CT.voxels + 1024).astype(np.int16), CT.affine)
    image.header.set_slope_inter(1, -1024)
    nib.save(image, tmp_path / "ct.nii.gz")
    found = segment(nib.load(tmp_path / "ct.nii.gz"), weights=MODEL, device="cpu")
    from_path = segment(tmp_path / "ct.nii.gz", weights=MODEL, device="cpu")
    np.testing.assert_array_equal(found.bits, from_path.bits)


class ImageOfItk:
    """As an image of ITK looks from outside."""

    def GetSpacing(self):  # noqa: N802
        return (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (CT.voxels, r"a bare array \(numpy.ndarray\) does not say where .*omentum.Volume\(array, affine\)"),
        (torch.as_tensor(CT.voxels), r"a bare array \(torch.Tensor\) does not say where"),
        (["a.nii.gz", "b.nii.gz"], r"a list of 2 is no CT \(one by one: s = omentum.Segmenter\(\)"),
        ((Path("a.nii.gz"), Path("b.nii.gz")), r"a tuple of 2 is no CT \(one by one"),
        (None, r"cannot segment a NoneType \(give a path"),
        (ImageOfItk(), r"itk.imwrite\(image, 'ct.nii.gz'\), or give an image of SimpleITK"),
        (nib.Nifti1Image(CT.voxels, None), "this image has no affine"),
        (nib.Nifti1Image(np.stack([CT.voxels] * 2, -1), CT.affine), r"is 4D with 2 volumes \(choose one: volume=0"),
    ],
    ids=["array", "tensor", "paths", "pair of paths", "nothing", "ITK", "no affine", "4D"],
)
def test_what_has_no_geometry_is_refused_with_what_to_do(image, words):
    with pytest.raises(UsageError, match=words):
        segment(image, weights=MODEL, device="cpu")


def test_a_volume_of_four_dimensions_is_chosen(expected):
    image = nib.Nifti1Image(np.stack([np.full_like(CT.voxels, -1000), CT.voxels], -1), CT.affine)
    np.testing.assert_array_equal(segment(image, weights=MODEL, device="cpu", volume=1).bits, expected.bits)
    with pytest.raises(UsageError, match="no volume 2"):
        segment(image, weights=MODEL, device="cpu", volume=2)


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (torch.zeros(2, 2, 2, requires_grad=True), r"cannot take voxels from a Tensor.*detach\(\)"),
        (torch.zeros(2, 2, 2, dtype=torch.bfloat16), "cannot take voxels from a Tensor"),
        ("ct.nii.gz", "voxels are real numbers, not a str"),
        ([[["a"]]], "voxels are real numbers, not a list"),
        (None, "voxels are real numbers, not a NoneType"),
    ],
    ids=["with gradients", "bfloat16", "path", "words", "nothing"],
)
def test_a_volume_of_no_numbers_is_refused(voxels, words):
    with pytest.raises(UsageError, match=words):
        Volume(voxels, np.eye(4))


def test_a_volume_of_other_dimensions_is_refused():
    with pytest.raises(GeometryError, match="three axes"):
        Volume(torch.zeros(2, 2), np.eye(4))


@pytest.mark.parametrize(
    "classes", ["liver", "liver, left kidney", ("liver",), ["liver ", "left_kidney"], iter(["liver"])]
)
def test_classes_are_words_one_or_several(classes):
    found = segment(CT, weights=MODEL, device="cpu", classes=classes)
    assert set(found.classes) <= {"liver", "left_kidney"}
    assert "liver" in found.classes
    assert SegmentOptions(classes="liver,spleen").classes == ("liver", "spleen")


def test_classes_that_are_no_words_are_refused():
    with pytest.raises(UsageError, match="named in words, not by 6"):
        segment(CT, weights=MODEL, classes=[6])


def test_a_device_of_torch_is_a_device():
    segmenter = Segmenter(MODEL, SegmentOptions(device=torch.device("cpu")))
    assert segmenter.device == torch.device("cpu")
    assert segmenter.described_options()["device"] == "cpu"
    with pytest.raises(UsageError, match="unknown device '0'"):
        segment(CT, weights=MODEL, device=0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ct.nii.gz")
    assert stat.S_ISFIFO((tmp_path / "ct.nii.gz").stat().st_mode)
    with pytest.raises(InputError, match="is a pipe or device, not a file"):
        segment(tmp_path / "ct.nii.gz", weights=MODEL, device="cpu")
    write_stack(tmp_path / "series", np.zeros((4, 4, 3), np.int16))
    os.mkfifo(tmp_path / "series" / "pipe")
    assert load_volume(tmp_path / "series").shape == (4, 4, 3)


def test_a_folder_of_nifti_files_is_no_ct(tmp_path):
    write_volume(tmp_path / "a.nii.gz", CT)
    with pytest.raises(InputError, match=r"folder with 1 image file.*give the files themselves, such as a\.nii\.gz"):
        load_volume(tmp_path)
