"""Write, then read: voxels and geometry come back to the bit, and other programs agree."""

import nibabel as nib
import numpy as np
import pytest
from faulty import nifti, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared_data import shared
from strategies import grids, noise

from omentum.errors import OutputError, UsageError
from omentum.io.nifti import read_volume, write_labelmap, write_mask, write_volume
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

GEOMETRY = ("pixdim", "qform_code", "sform_code", *(f"quatern_{a}" for a in "bcd"), *(f"qoffset_{a}" for a in "xyz"))
on_tmp_path = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def geometry_bytes(path):
    header = nib.load(path).header
    return {name: header[name].tobytes() for name in (*GEOMETRY, *(f"srow_{a}" for a in "xyz"))}


@on_tmp_path
@given(grids(), st.sampled_from([".nii", ".nii.gz"]))
def test_a_new_grid_is_kept_to_single_precision(tmp_path, grid, suffix):
    volume = Volume(noise(grid), grid.affine)
    write_volume(tmp_path / f"ct{suffix}", volume)
    back = read_volume(tmp_path / f"ct{suffix}")
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    np.testing.assert_array_equal(back.affine, grid.affine.astype(np.float32))
    assert back.same_grid(volume)


@on_tmp_path
@given(grids(), st.sampled_from([1, 2]), st.sampled_from(["sform", "qform", "both"]))
def test_a_foreign_geometry_is_read_as_nibabel_reads_it_and_repeated_to_the_bit(tmp_path, grid, version, forms):
    path, out = tmp_path / "ct.nii.gz", tmp_path / "out.nii.gz"
    image = (nib.Nifti1Image if version == 1 else nib.Nifti2Image)(noise(grid), grid.affine)
    image.set_sform(grid.affine, code=0 if forms == "qform" else 2)
    image.set_qform(grid.affine, code=0 if forms == "sform" else 1)
    nib.save(image, path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.affine, nib.load(path).affine)
    write_volume(out, volume)
    assert geometry_bytes(out) == geometry_bytes(path)
    np.testing.assert_array_equal(read_volume(out).affine, volume.affine)
    write_mask(out, volume.voxels > 0, volume)
    assert geometry_bytes(out) == geometry_bytes(path)


def test_float_noise_in_pixdim_and_codes_survive(tmp_path):
    fields = {"pixdim": [-1, 0.7, 0.7000001, 1.2499999, 1, 1, 1, 1], "qform_code": 3, "sform_code": 4, "quatern_b": 0.1}
    with pytest.warns(match="disagree"):
        volume = read_volume(write(tmp_path, nifti(**fields)))
    write_volume(tmp_path / "out.nii", volume)
    assert geometry_bytes(tmp_path / "out.nii") == geometry_bytes(tmp_path / "ct.nii")


def test_remembered_geometry_is_dropped_when_the_grid_has_changed(tmp_path):
    volume = read_volume(write(tmp_path, nifti()))
    moved = volume.affine.copy()
    moved[0, 3] = 50
    write_volume(tmp_path / "out.nii", Volume(volume.voxels, moved, volume.header))
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii").affine, moved)


def test_shear_is_left_out_of_the_qform(tmp_path):
    affine = np.diag([2.0, 2, 2, 1])
    affine[0, 2] = 0.9
    write_volume(tmp_path / "out.nii", Volume(np.zeros((9, 9, 9), np.int16), affine))
    header = nib.load(tmp_path / "out.nii").header
    assert (header["sform_code"], header["qform_code"]) == (1, 0)


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2(tmp_path):
    affine = np.diag([0.05, 1, 1, 1])
    write_volume(tmp_path / "long.nii.gz", Volume(np.zeros((40000, 1, 1), np.uint8), affine))
    assert isinstance(nib.load(tmp_path / "long.nii.gz").header, nib.Nifti2Header)
    assert read_volume(tmp_path / "long.nii.gz").shape == (40000, 1, 1)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_any_real_dtype_and_memory_order_is_written(dtype, tmp_path):
    voxels = np.random.default_rng(0).integers(0, 100, (7, 6, 5)).astype(dtype)
    for arranged in (voxels, np.asfortranarray(voxels), voxels[::-1, :, ::-1].transpose(2, 0, 1)):
        write_volume(tmp_path / "out.nii.gz", Volume(arranged, np.eye(4)))
        np.testing.assert_array_equal(read_volume(tmp_path / "out.nii.gz").voxels, arranged)


def test_the_same_result_is_the_same_bytes(tmp_path):
    volume = Volume(noise(Grid((9, 9, 9), np.eye(4))), np.eye(4))
    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(tmp_path / name, volume)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_what_cannot_be_written_is_refused(tmp_path):
    volume = Volume(np.zeros((9, 9, 9), np.float16), np.eye(4))
    with pytest.raises(UsageError, match="cannot hold float16"):
        write_volume(tmp_path / "out.nii", volume)
    with pytest.raises(UsageError, match=r"is not a name for NIfTI .use .nii.gz"):
        write_volume(tmp_path / "out.img", volume)
    with pytest.raises(OutputError, match=r"shape \(2, 2, 2\), its grid \(9, 9, 9\)"):
        write_mask(tmp_path / "out.nii", np.zeros((2, 2, 2), bool), volume)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["abdomen_3mm", "chest_plain", "liver_contrast"])
def test_real_scans_are_read_as_nibabel_reads_them(name, tmp_path):
    path = shared("data", name, "ct.nii.gz")
    volume, image = read_volume(path), nib.load(path)
    np.testing.assert_array_equal(volume.voxels, np.asanyarray(image.dataobj))
    np.testing.assert_array_equal(volume.affine, image.affine)
    write_mask(tmp_path / "body.nii.gz", volume.voxels > -300, volume)
    out = geometry_bytes(tmp_path / "body.nii.gz")
    assert {n: v for n, v in out.items() if n != "pixdim"} == {
        n: v for n, v in geometry_bytes(path).items() if n != "pixdim"
    }
    np.testing.assert_array_equal(nib.load(tmp_path / "body.nii.gz").header["pixdim"][:4], image.header["pixdim"][:4])


@pytest.mark.parametrize("planes", [1, 4, 5])
def test_a_label_map_is_whole_though_it_is_painted_some_planes_at_a_time(planes, tmp_path, monkeypatch):
    monkeypatch.setattr("omentum.io.nifti.SLAB", 4)
    random = np.random.default_rng(planes)
    masks = {key: random.random((5, 6, planes)) > 0.6 for key in ("liver", "liver_tumour", "hepatic_vessel", "spleen")}
    segmentation = Segmentation.from_masks(masks, np.diag([1.0, -2.0, 3.0, 1.0]))
    write_labelmap(tmp_path / "labels.nii.gz", segmentation)
    written = read_volume(tmp_path / "labels.nii.gz")
    assert written.voxels.dtype == np.uint8
    np.testing.assert_array_equal(written.voxels, segmentation.labelmap())
    np.testing.assert_array_equal(written.affine, segmentation.affine)
