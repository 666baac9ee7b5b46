"""Probability maps of a case: on the CT's own grid, what the masks were made from, readable by anybody."""

import json

import nibabel as nib
import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from case_files import files_in

from omentum.cli import main
from omentum.errors import UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import segment
from omentum.preprocess.prepare import prepare
from omentum.volume import Volume
from reference.interpolated import probabilities_on_ct

from .test_thresholds import MODEL, SPEC, soft_ct

EXTENT = (90, 80, 84)
GRIDS = {
    "straight": ras_grid((2.0, 2.0, 2.0), EXTENT),
    "oblique, thick, turned": rotated(stored(ras_grid((0.9, 1.1, 3.0), EXTENT), (2, 0, 1), (True, False, True)), 10),
    "flipped": stored(ras_grid((1.4, 2.0, 2.5), EXTENT), (0, 1, 2), (True, True, True)),
}


def seen(ct, **options):
    return segment(ct, weights=MODEL, device="cpu", force=True, postprocess="none", **options)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize(("kind", "step"), [("uint8", 1 / 255), ("uint16", 1 / 65535)])
def test_they_are_what_the_network_says_in_every_voxel(grid, kind, step):
    ct = soft_ct(grid)
    seg = seen(ct, probabilities=kind)
    for key, probability in probabilities_on_ct(MODEL, prepare(ct, SPEC)).items():
        found = seg.probability(key)
        assert (found.dtype, found.shape) == (np.float32, ct.shape)
        np.testing.assert_allclose(found, probability, atol=0.51 * step + 1e-5)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_the_mask_is_where_they_are_above_the_threshold(threshold, kind):
    seg = seen(soft_ct(GRIDS["oblique, thick, turned"]), probabilities=kind, threshold=threshold)
    step = 1 / 255 if kind == "uint8" else 1 / 65535
    for key in seg.classes:
        probability, mask = seg.probability(key), seg.mask(key)
        doubtful = np.abs(probability - threshold) <= step
        np.testing.assert_array_equal(mask[~doubtful], probability[~doubtful] > threshold)
        assert doubtful.mean() < 0.01


def test_masks_do_not_change_when_probabilities_are_kept():
    ct = soft_ct(GRIDS["straight"])
    np.testing.assert_array_equal(seen(ct).bits, seen(ct, probabilities="uint8").bits)


def test_only_of_what_was_looked_for_and_only_if_kept():
    ct = soft_ct(GRIDS["straight"])
    seg = seen(ct, probabilities="uint8", classes=["liver tumor"])
    assert seg.probability("liver tumour").max() > 0.9
    assert set(seg.probabilities) == {"liver_tumour"}
    with pytest.raises(UsageError, match="no class 'spleen'"):
        seg.probability("spleen")
    with pytest.raises(UsageError, match="no probabilities were kept"):
        seen(ct).probability("liver")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: MODEL)
    return tmp_path


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize(("kind", "dtype"), [("uint8", np.uint8), ("uint16", np.uint16)])
def test_any_reader_gets_0_to_1_on_the_grid_of_the_ct(grid, kind, dtype, here):
    write_volume("ct.nii.gz", Volume(soft_ct(grid).voxels.astype(np.int16), grid.affine))
    quiet = ["--no-preview", "--no-report", "--quiet", "--force"]
    assert main(["segment", "ct.nii.gz", "-o", "out", "--probabilities", kind, *quiet]) == 0
    assert [name for name in files_in("out/ct") if name.startswith("probabilities/")] == [
        f"probabilities/{key}.nii.gz" for key in ("liver", "liver_tumour", "spleen")
    ]
    ct, image = nib.load("ct.nii.gz"), nib.load("out/ct/probabilities/liver.nii.gz")
    assert image.shape == ct.shape
    assert image.affine.tobytes() == ct.affine.tobytes()
    assert image.get_data_dtype() == dtype
    for name in ("qform_code", "sform_code", "pixdim"):
        np.testing.assert_array_equal(image.header[name], ct.header[name])
    values = image.get_fdata()
    assert 0.99 < values.max() <= 1
    ours = read_volume("out/ct/probabilities/liver.nii.gz").voxels
    expected = probabilities_on_ct(MODEL, prepare(read_volume("ct.nii.gz"), SPEC))["liver"]
    for found in (values, ours):
        np.testing.assert_allclose(found, expected, atol=0.51 / np.iinfo(dtype).max + 1e-5)


def test_a_batch_makes_the_same_maps_in_another_process(here):
    for name, grid in zip("ab", GRIDS.values(), strict=False):
        write_volume(f"{name}.nii.gz", Volume(soft_ct(grid).voxels.astype(np.int16), grid.affine))
    quiet = ["--no-preview", "--no-report", "--quiet", "--force", "--probabilities", "uint8", "--classes", "liver"]
    for jobs in "01":
        assert main(["segment", "a.nii.gz", "b.nii.gz", "-o", f"out{jobs}", "-j", jobs, *quiet]) == 0
    for case in "ab":
        one, other = (here / f"out{jobs}/{case}/probabilities/liver.nii.gz" for jobs in "01")
        assert one.read_bytes() == other.read_bytes()
    manifest = json.loads((here / "out0/a/manifest.json").read_text())
    assert manifest["options"]["probabilities"] == "uint8"
    assert manifest["locate"] == {"used": False, "reason": "probabilities are wanted everywhere"}


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_on_a_grid_that_is_stood_up_first_they_are_interpolated(kind):
    grid = rotated(ras_grid((2.0, 2.0, 2.0), EXTENT), 35)
    ct = soft_ct(grid)
    seg = seen(ct, probabilities=kind)
    for key, probability in probabilities_on_ct(MODEL, prepare(ct, SPEC)).items():
        inside = ct.voxels > 0
        np.testing.assert_allclose(seg.probability(key)[inside], probability[inside], atol=0.15)
        assert np.abs(seg.probability(key)[inside] - probability[inside]).mean() < 0.02
