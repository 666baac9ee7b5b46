"""Faults planted into re-enacted datasets: each is found, named, and stops nothing."""

import shutil

import nibabel as nib
import numpy as np
import pytest

from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe_catalogue import find_recipe
from omentum.data.datasets.sites import Studio, find_sites, site_tasks, write_site_case
from omentum.data.harmonise.check import check_case
from omentum.data.harmonise.duplicates import find_reuse, with_reuse

STUDIO = Studio(seed=2, finest_mm=(6.0, 6.0, 6.0))
IMAGE, LABELS = "RawData/Training/img/img{}.nii.gz", "RawData/Training/label/label{}.nii.gz"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """BTCV 0001 and 0061, and AbdomenAtlas 2, which is BTCV 0001 without saying so."""
    out = tmp_path_factory.mktemp("raw")
    for task in site_tasks(out, find_sites(["btcv"]), 2, STUDIO):
        write_site_case(task)
    write_site_case(site_tasks(out, find_sites(["abdomenatlas-1.0"]), 2, STUDIO)[1])
    return out


@pytest.fixture
def btcv(clean, tmp_path):
    return shutil.copytree(clean / "btcv", tmp_path / "btcv")


def checked(root, recipe="btcv"):
    checks = [check_case(case) for case in find_cases(find_recipe(recipe), root).cases]
    return {check.name: check for check in with_reuse(checks, find_reuse(checks))}


def told(check, severity, kind):
    return " ".join(f.text for f in check.findings if (f.severity, f.kind) == (severity, kind))


def rewrite(path, change):
    image = nib.load(path)
    voxels, affine = change(np.asanyarray(image.dataobj).copy(), image.affine.copy())
    nib.save(nib.Nifti1Image(voxels, affine), path)


def test_a_clean_dataset_has_nothing_to_warn_of(btcv):
    checks = checked(btcv)
    assert checks.keys() == {"btcv_0001", "btcv_0061"}
    assert {check.worst for check in checks.values()} <= {None, "note"}
    assert all(len(check.hashes) > 20 for check in checks.values())


def test_labels_of_another_shape(btcv):
    rewrite(btcv / LABELS.format("0061"), lambda v, a: (v[:, :, :-2], a))
    checks = checked(btcv)
    assert "label0061.nii.gz" in told(checks["btcv_0061"], "error", "unusable")
    assert not checks["btcv_0001"].failed


def test_labels_that_lie_somewhere_else(btcv):
    def moved(voxels, affine):
        affine[:3, 3] += (30.0, 0.0, 0.0)
        return voxels, affine

    rewrite(btcv / LABELS.format("0061"), moved)
    assert "another grid" in told(checked(btcv)["btcv_0061"], "error", "unusable")


def test_a_stray_value(btcv):
    def stray(voxels, affine):
        voxels[voxels == 6] = np.where(np.arange((voxels == 6).sum()) % 50 == 0, 77, 6)
        return voxels, affine

    rewrite(btcv / LABELS.format("0001"), stray)
    assert "77" in told(checked(btcv)["btcv_0001"], "warning", "stray inside")


def test_a_truncated_file_stops_nothing(btcv):
    path = btcv / IMAGE.format("0001")
    path.write_bytes(path.read_bytes()[:-5000])
    checks = checked(btcv)
    assert "img0001.nii.gz" in told(checks["btcv_0001"], "error", "unusable")
    assert checks["btcv_0061"].worst in {None, "note"}


def test_labels_without_a_voxel(btcv):
    rewrite(btcv / LABELS.format("0061"), lambda v, a: (np.zeros_like(v), a))
    text = told(checked(btcv)["btcv_0061"], "warning", "empty")
    assert "liver" in text
    assert "pancreas" in text


def test_one_structure_without_a_voxel(btcv):
    rewrite(btcv / LABELS.format("0061"), lambda v, a: (np.where(v == 1, 0, v), a))
    assert "no voxel of spleen" in told(checked(btcv)["btcv_0061"], "note", "empty")


def test_left_and_right_swapped_in_image_and_labels(btcv):
    for path in (IMAGE, LABELS):
        rewrite(btcv / path.format("0061"), lambda v, a: (v[::-1], a))
    checks = checked(btcv)
    assert "liver lies left of spleen" in told(checks["btcv_0061"], "warning", "mirrored")
    assert not told(checks["btcv_0001"], "warning", "mirrored")


def test_a_mirrored_case_with_a_liver_alone(tmp_path):
    (task, *_) = site_tasks(tmp_path, find_sites(["msd-liver"]), 1, STUDIO)
    root = write_site_case(task)
    assert not told(checked(root, "msd-liver")["msd-liver_28"], "warning", "mirrored")
    for kind in ("images", "labels"):
        rewrite(root / f"Task03_Liver/{kind}Tr/liver_28.nii.gz", lambda v, a: (v[::-1], a))
    assert "left half" in told(checked(root, "msd-liver")["msd-liver_28"], "warning", "mirrored")


def test_kidneys_called_by_the_other_ones_name(btcv):
    rewrite(btcv / LABELS.format("0001"), lambda v, a: (np.choose(np.isin(v, (2, 3)), (v, 5 - v)), a))
    assert told(checked(btcv)["btcv_0001"], "warning", "swapped sides")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda v, a: ((v.clip(-1000, 1000) + 1000) / 2000.0, a), r"0..1"),
        (lambda v, a: (v + 1024, a), "HU offset"),
    ],
)
def test_intensities_that_are_no_hounsfield_units(btcv, change, word):
    rewrite(btcv / IMAGE.format("0061"), change)
    assert word in told(checked(btcv)["btcv_0061"], "error", "unusable")


def test_padding_is_mentioned(btcv):
    rewrite(btcv / IMAGE.format("0061"), lambda v, a: (np.where(v < -1000, -3024, v), a))
    assert "-3024" in told(checked(btcv)["btcv_0061"], "note", "image")


def test_a_constant_image(btcv):
    rewrite(btcv / IMAGE.format("0061"), lambda v, a: (np.full_like(v, -1000), a))
    assert "every voxel of the image is -1000" in told(checked(btcv)["btcv_0061"], "warning", "constant")
    rewrite(btcv / IMAGE.format("0061"), lambda v, a: (np.zeros_like(v), a))
    assert "every voxel is 0: there is no image in it" in told(checked(btcv)["btcv_0061"], "error", "unusable")


def test_the_same_patient_saved_as_another_file(btcv):
    """Float, other axes, other spacing, slices cut away, other number."""

    def resaved(voxels, affine):
        turned = voxels[:, :, 8:-5].transpose(2, 0, 1)[::-1].astype(np.float32)
        order = np.eye(4)[[1, 2, 0, 3]] @ np.diag([-1.0, 1, 1, 1])
        return turned, affine @ order @ np.diag([2.0, 2.0, 2.0, 1.0])

    for path in (IMAGE, LABELS):
        shutil.copy(btcv / path.format("0001"), btcv / path.format("0005"))
        rewrite(btcv / path.format("0005"), resaved)
    checks = checked(btcv)
    assert "the same scan as btcv_0005" in told(checks["btcv_0001"], "warning", "duplicate")
    assert "the same scan as btcv_0001" in told(checks["btcv_0005"], "warning", "duplicate")
    assert not told(checks["btcv_0061"], "warning", "duplicate")
