"""A segmentation saved: everything is in it, nothing is overwritten unasked, a fault leaves nothing behind."""

import json
from dataclasses import replace

import numpy as np
import pytest
from banded_phantom import ELLIPSOIDS_MM, banded_ct, centroid_mm, ras_grid, rotated
from case_files import CASE_FILES, files_in
from threshold_model import BANDS_HU

from omentum.anatomy import STRUCTURES
from omentum.errors import OutputError, UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import segment


def test_a_folder_holds_everything(straight, tmp_path):
    straight.save(tmp_path / "case", masks=True)
    masks = [f"masks/{key}.nii.gz" for key in BANDS_HU]
    assert files_in(tmp_path / "case") == sorted([*CASE_FILES, *masks])
    timings_s = json.loads((tmp_path / "case" / "manifest.json").read_text())["timings_s"]
    assert set(timings_s) == {*straight.manifest["timings_s"], "measure", "draw", "write"}
    written = read_volume(tmp_path / "case" / "segmentation.nii.gz")
    np.testing.assert_array_equal(written.voxels, straight.labelmap())
    measured = json.loads((tmp_path / "case" / "measurements.json").read_text())
    volume_ml = straight.mask("liver").sum() * 8 / 1000
    assert measured["structures"]["liver"]["volume_ml"] == pytest.approx(volume_ml)
    for row in measured["structures"].values():
        shown = int((written.voxels == STRUCTURES[row["key"]].index).sum())
        assert (row["label_map_voxels"], row["label_map_volume_ml"]) == (shown, pytest.approx(shown * 8 / 1000))
    (lesion,) = measured["lesions"]
    centre, axes, hu = ELLIPSOIDS_MM["liver_tumour"]
    assert lesion["centroid_mm"] == pytest.approx(centre, abs=0.5)
    assert lesion["longest_axial"]["mm"] == pytest.approx(2 * axes[0], abs=2)
    assert lesion["median_hu"] == hu
    assert measured["lesion_summary"]["lesions"] == 1
    manifest = json.loads((tmp_path / "case" / "manifest.json").read_text())
    assert manifest["warnings"] == []
    quality = measured["quality"]
    assert manifest["quality"]["score"] == quality["score"]
    of_tumour = quality["structures"]["liver_tumour"]
    assert lesion["mean_probability"] == pytest.approx(of_tumour["confidence"]["mean_probability"], abs=1e-3)
    assert measured["structures"]["liver"]["score"] == pytest.approx(quality["structures"]["liver"]["score"], abs=1e-4)
    assert of_tumour["confidence"]["disagreement"] == 0  # this model sees one voxel at a time


def test_what_is_not_found_has_a_mask_of_zeros(model, tmp_path):
    found = segment(banded_ct(ras_grid()), weights=model, classes=["liver", "liver tumour"], device="cpu")
    nothing = replace(found, bits=found.bits & 1)
    nothing.save(tmp_path / "case", masks=True, preview=False, report=False)
    files = {p.name: read_volume(p) for p in (tmp_path / "case" / "masks").iterdir()}
    assert {name: bool(image.voxels.any()) for name, image in files.items()} == {
        "liver.nii.gz": True,
        "liver_tumour.nii.gz": False,
    }
    assert all(image.voxels.shape == found.shape for image in files.values())


def test_meshes_lie_where_the_masks_lie(straight, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    straight.save(tmp_path / "case", meshes="stl", preview=False, report=False)
    assert {p.name for p in (tmp_path / "case" / "meshes").iterdir()} == {f"{key}.stl" for key in BANDS_HU}
    for key in BANDS_HU:
        mesh = trimesh.load(tmp_path / "case" / "meshes" / f"{key}.stl")
        assert mesh.is_watertight
        np.testing.assert_allclose(mesh.center_mass, centroid_mm(straight.mask(key), straight.grid), atol=0.5)


def test_an_unknown_mesh_format_leaves_nothing_behind(straight, tmp_path):
    with pytest.raises(UsageError, match="stl, obj, glb"):
        straight.save(tmp_path / "case", meshes="vrml")
    assert not list(tmp_path.iterdir())


def test_a_nifti_name_gets_the_label_map_alone(straight, tmp_path):
    straight.save(tmp_path / "seg.nii.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["seg.nii.gz"]


@pytest.mark.parametrize("asked", [{"masks": True}, {"statistics": True}, {"meshes": "stl"}])
def test_what_a_nifti_cannot_hold_is_refused(straight, tmp_path, asked):
    with pytest.raises(UsageError, match=f"labels alone, no place for {next(iter(asked))}"):
        straight.save(tmp_path / "seg.nii.gz", **asked)
    assert not list(tmp_path.iterdir())


def test_the_affine_is_that_of_the_file_to_the_bit(model, tmp_path):
    grid = rotated(ras_grid((1.7, 2.3, 3.1)), 13)
    write_volume(tmp_path / "ct.nii.gz", banded_ct(grid))
    segment(tmp_path / "ct.nii.gz", weights=model, device="cpu").save(tmp_path / "seg.nii")
    ct, seg = read_volume(tmp_path / "ct.nii.gz"), read_volume(tmp_path / "seg.nii")
    assert seg.affine.tobytes() == ct.affine.tobytes()


def test_nothing_is_overwritten_unasked(straight, tmp_path):
    straight.save(tmp_path / "case", preview=False, report=False)
    with pytest.raises(OutputError, match="exists already"):
        straight.save(tmp_path / "case", preview=False, report=False)
    straight.save(tmp_path / "case", masks=True, preview=False, report=False, overwrite=True)
    assert (tmp_path / "case" / "masks").is_dir()


def test_a_folder_of_somebody_else_is_never_replaced(straight, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "only_copy.tex").write_text("dear diary")
    with pytest.raises(OutputError, match="holds something else"):
        straight.save(tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "only_copy.tex").exists()


def test_a_fault_leaves_nothing_and_spares_what_was_there(straight, tmp_path, monkeypatch):
    straight.save(tmp_path / "case", preview=False, report=False)
    before = (tmp_path / "case" / "manifest.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("omentum.pipeline.case_folder.measures_json", full)
    for target in ("case", "other"):
        with pytest.raises(OutputError, match="No space left"):
            straight.save(tmp_path / target, preview=False, report=False, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["case"]
    assert (tmp_path / "case" / "manifest.json").read_bytes() == before
