"""Images of SimpleITK and MONAI in memory: the same voxels at the same places as the file they were read from."""

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from monai.data import MetaTensor, NibabelReader
from monai.transforms import LoadImage
from strategies import grids, noise

from omentum.errors import CaseWarning, GeometryError, UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.io.objects import as_volume
from omentum.volume import Grid, Volume

sitk = pytest.importorskip("SimpleITK")

TILTED = Grid((6, 5, 4), np.array([[0, -0.7, 0.02, 10], [0.9, 0, 0, 20], [0, 0.02, -5, 30], [0, 0, 0, 1.0]]))
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@settings(max_examples=25)
@given(grid=grids())
def test_an_image_of_simpleitk_keeps_its_grid(grid, tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "ct.nii"
    write_volume(path, Volume(noise(grid), grid.affine))
    found = as_volume(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(found.voxels, noise(grid))
    np.testing.assert_allclose(found.affine, grid.affine, atol=2e-3)  # NIfTI-1 stores single precision


def test_an_image_of_simpleitk_may_be_changed_afterwards():
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.int16))
    found = as_volume(image)
    image[0, 0, 0] = 7
    assert not found.voxels.any()


@pytest.mark.parametrize("space", ["RAS", "LPS"])
@pytest.mark.parametrize("channels", [True, False])
def test_a_metatensor_says_in_which_space_its_affine_lies(space, channels):
    affine = TILTED.affine if space == "RAS" else LPS @ TILTED.affine
    voxels = noise(TILTED).astype(np.float32)
    tensor = MetaTensor(torch.as_tensor(voxels[None] if channels else voxels), affine=torch.as_tensor(affine.copy()))
    tensor.meta["space"] = space
    found = as_volume(tensor)
    np.testing.assert_array_equal(found.voxels, voxels)
    np.testing.assert_allclose(found.affine, TILTED.affine, atol=1e-12)


def test_what_monai_loads_is_what_we_read(tmp_path):
    write_volume(tmp_path / "ct.nii.gz", Volume(noise(TILTED), TILTED.affine))
    loaded = LoadImage(reader=NibabelReader(), ensure_channel_first=True)(tmp_path / "ct.nii.gz")
    found = as_volume(loaded)
    np.testing.assert_array_equal(found.voxels, noise(TILTED))
    np.testing.assert_allclose(found.affine, TILTED.affine, atol=1e-5)


def four_channels():
    return MetaTensor(torch.arange(4 * 120, dtype=torch.float32).reshape(4, 4, 5, 6), affine=torch.eye(4))


def test_a_channel_is_chosen():
    np.testing.assert_array_equal(as_volume(four_channels(), volume=2).voxels, four_channels().numpy()[2])


def with_gradients():
    return MetaTensor(torch.zeros(4, 5, 6, requires_grad=True), affine=torch.eye(4))


def test_gradients_are_left_behind():
    assert as_volume(with_gradients()).shape == (4, 5, 6)


def in_space(space):
    tensor = MetaTensor(torch.zeros(4, 5, 6), affine=torch.eye(4))
    tensor.meta["space"] = space
    return tensor


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (four_channels, r"is 4D with 4 volumes \(choose one"),
        (lambda: in_space("SRA"), "lies in the space 'SRA'"),
        (lambda: MetaTensor(torch.zeros(4, 5), affine=torch.eye(3)), "affine of shape .3, 3."),
        (lambda: sitk.Image([4, 5, 6], sitk.sitkVectorFloat32, 3), "has 3 numbers a voxel"),
    ],
    ids=["channels", "space", "2D", "vectors"],
)
def test_what_is_no_single_image_is_refused(make, words):
    with pytest.raises(UsageError, match=words):
        as_volume(make())


def test_two_axes_are_refused():
    with pytest.raises(UsageError, match="has 2 axes"):
        as_volume(sitk.Image(4, 5, sitk.sitkInt16))


def through_nibabel(path, unit="mm", step_mm=2.0, stated=True):
    affine = np.diag([-step_mm, step_mm, step_mm, 1]) if stated else None  # with None, nibabel writes both codes as 0
    image = nib.Nifti1Image(np.zeros((9, 8, 7), np.int16), affine)
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return nib.load(path)


@pytest.mark.parametrize(
    ("state", "reason"),
    [({"stated": False}, "states no orientation"), ({"unit": "micron", "step_mm": 2000.0}, "header says micrometres")],
)
def test_an_image_of_nibabel_is_refused_as_its_file_is(state, reason, tmp_path):
    image = through_nibabel(tmp_path / "ct.nii", **state)
    for read in (lambda: as_volume(image), lambda: read_volume(tmp_path / "ct.nii")):
        with pytest.raises(GeometryError, match=reason):
            read()


def test_a_wrong_unit_of_nibabel_is_told(tmp_path):
    with pytest.warns(CaseWarning, match="only millimetres make sense"):
        found = as_volume(through_nibabel(tmp_path / "ct.nii", "micron"))
    np.testing.assert_array_equal(found.affine, np.diag([-2.0, 2, 2, 1]))


def test_an_analyze_image_states_no_orientation():
    with pytest.raises(GeometryError, match="Analyze image states no orientation"):
        as_volume(nib.AnalyzeImage(np.zeros((9, 8, 7), np.int16), np.eye(4)))
