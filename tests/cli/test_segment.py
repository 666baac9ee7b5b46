"""One CT in one command: what its folder holds, and that masks lie on its own grid."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, rotated, stored, truth_mask
from case_files import CASE_FILES, files_in, put_ct
from dicom_files import stack_affine, write_stack
from threshold_model import BANDS_HU

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.io.nifti import read_volume, write_volume
from omentum.spec import PreprocessSpec


def test_a_case_becomes_a_folder(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--device", "cpu"]) == 0
    assert files_in("out") == [f"ct/{name}" for name in CASE_FILES]
    shown = capsys.readouterr()
    assert "Liver tumour" in shown.out
    assert "4 of 4 structures" in shown.out
    told = [line for line in shown.err.splitlines() if line.startswith("ct: ")]
    assert next(line for line in told if line != "ct: reading") == "ct: started"  # said if it is not read at once
    assert told[-5:] == [
        "ct: 100 %",
        *(f"ct: {step}" for step in ("cleaning", "writing masks and measuring", "drawing", "writing the report")),
    ]


def test_a_dicom_folder_is_a_case_on_its_own_grid(here):
    hu = banded_ct(ras_grid()).voxels
    write_stack(here / "series", hu)
    assert main(["segment", "series", "-o", "out", "--quiet", "--no-preview"]) == 0
    found = read_volume("out/series/segmentation.nii.gz")
    assert found.shape == hu.shape
    assert np.allclose(found.affine, stack_affine(), atol=1e-5)
    assert found.voxels.any()
    manifest = json.loads(Path("out/series/manifest.json").read_text())
    assert manifest["input"]["file"] == "series"


def test_a_link_is_a_case_by_its_own_name(here):
    put_ct("original.nii.gz")
    Path("link.nii.gz").symlink_to("original.nii.gz")
    assert main(["segment", "original.nii.gz", "link.nii.gz", "-o", "out", "--quiet", "--no-preview"]) == 0
    assert {path.name for path in Path("out").iterdir() if path.is_dir()} == {"original", "link"}


GRIDS = {
    "straight": ras_grid(),
    "turned and flipped": stored(ras_grid(), (2, 0, 1), (True, False, True)),
    "oblique": rotated(ras_grid(), 10),
    "oblique, turned": rotated(stored(ras_grid(), (1, 2, 0), (False, True, True)), -10),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_the_label_map_lies_on_the_ct_to_the_bit(grid, here):
    put_ct("ct.nii", grid)
    assert main(["segment", "ct.nii", "-o", "seg.nii.gz", "--quiet"]) == 0
    ct, seg = read_volume("ct.nii"), read_volume("seg.nii.gz")
    assert seg.affine.tobytes() == ct.affine.tobytes()
    for key in BANDS_HU:
        np.testing.assert_array_equal(seg.voxels == STRUCTURES[key].index, truth_mask(key, grid))


@pytest.mark.parametrize("degrees", [25, -45])
def test_the_label_map_of_a_body_that_was_stood_up_lies_on_the_ct_to_the_bit(degrees, here):
    grid = rotated(stored(ras_grid(), (1, 2, 0), (False, True, True)), degrees)
    put_ct("ct.nii", grid)
    assert main(["segment", "ct.nii", "-o", "seg.nii.gz", "--quiet"]) == 0
    ct, seg = read_volume("ct.nii"), read_volume("seg.nii.gz")
    assert (seg.affine.tobytes(), seg.shape) == (ct.affine.tobytes(), ct.shape)
    for key in ("liver", "left_kidney", "right_kidney"):
        found, truth = seg.voxels == STRUCTURES[key].index, truth_mask(key, grid)
        # This model looks for bands of HU, of which interpolation takes the outermost voxels.
        assert not (found & ~truth).any()
        assert found.sum() > 0.4 * truth.sum()


def test_classes_masks_and_no_preview(here):
    put_ct("ct.nii.gz")
    arguments = ["--classes", "kidneys, spleen", "--masks", "--no-preview", "--no-report", "--quiet"]
    assert main(["segment", "ct.nii.gz", "-o", "out", *arguments]) == 2  # these weights know no spleen
    assert not Path("out").exists()
    arguments[1] = "kidneys"
    assert main(["segment", "ct.nii.gz", "-o", "out", *arguments]) == 0
    assert [name for name in files_in("out/ct") if name.endswith(".nii.gz")] == [
        "masks/left_kidney.nii.gz",
        "masks/right_kidney.nii.gz",
        "segmentation.nii.gz",
    ]


def test_thresholds_by_name_and_for_all(here):
    """In this model's words: how many HU inside the band a voxel has to be."""
    put_ct("ct.nii.gz")
    quiet = ["--no-preview", "--no-report", "--quiet", "--postprocess", "none"]
    sure = ["--threshold", "0.9", "--threshold", "kidneys=0.99999"]  # logits in the middle of the bands are 10
    assert main(["segment", "ct.nii.gz", "-o", "out", *quiet, *sure]) == 0
    manifest = json.loads(Path("out/ct/manifest.json").read_text())
    told = {"liver": 0.9, "left_kidney": 0.99999, "right_kidney": 0.99999, "liver_tumour": 0.9}
    assert manifest["options"]["threshold"] == told
    assert read_volume("out/ct/segmentation.nii.gz").voxels.any()
    assert main(["segment", "ct.nii.gz", "-o", "out", *quiet, *sure]) == 0  # done earlier
    assert main(["segment", "ct.nii.gz", "-o", "out", *quiet, "--threshold", "spleen=0.3"]) == 2


def test_statistics_as_totalsegmentator_writes_them(here):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--statistics", "--no-preview", "--quiet"]) == 0
    statistics = json.loads(Path("out/ct/statistics.json").read_text())
    measured = json.loads(Path("out/ct/measurements.json").read_text())["structures"]
    assert statistics["kidney_right"]["volume"] == pytest.approx(1000 * measured["right_kidney"]["volume_ml"])
    assert statistics["kidney_right"]["intensity"] == pytest.approx(measured["right_kidney"]["mean_hu"])


def test_the_name_of_a_file_is_a_name_in_the_report(here):
    name = "<img src=x onerror=alert(1)>&\"'.nii.gz"
    put_ct(name)
    assert main(["segment", name, "-o", "out", "--quiet", "--no-preview"]) == 0
    (page,) = (path.read_text(encoding="utf-8") for path in Path("out").glob("*/report.html"))
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_real_checkpoint_from_a_real_shell(tmp_path):
    """The installed command, a saved network with random weights, nothing replaced."""
    import torch

    from omentum.anatomy.prompts import prompt
    from omentum.model import build, save_checkpoint
    from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec

    keys = ("liver", "spleen")
    spec = CheckpointSpec(
        model=ModelSpec("unet", {"width": 4}, text_width=12, condition_width=8),
        preprocess=PreprocessSpec(spacing_mm=(6.0, 6.0, 6.0), patch=(16, 16, 16)),
        classes=tuple(ClassSpec(key, prompt(STRUCTURES[key])) for key in keys),
        text_encoder="none",
    )
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "w.safetensors", build(spec, torch.randn(2, 12)).eval())
    write_volume(tmp_path / "ct.nii.gz", banded_ct(rotated(ras_grid((2.0, 3.0, 4.0)), 10)))
    command = [sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())"]
    arguments = ["segment", "ct.nii.gz", "-o", "out", "--weights", "w.safetensors", "--json"]
    done = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cases"][0]["status"] == "done"
    ct, seg = read_volume(tmp_path / "ct.nii.gz"), read_volume(tmp_path / "out/ct/segmentation.nii.gz")
    assert seg.affine.tobytes() == ct.affine.tobytes()
    assert set(np.unique(seg.voxels)) <= {0, *(STRUCTURES[key].index for key in keys)}
    manifest = json.loads((tmp_path / "out/ct/manifest.json").read_text())
    assert manifest["weights"]["name"] == "w.safetensors"
