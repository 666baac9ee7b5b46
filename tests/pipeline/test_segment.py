import hashlib
import itertools
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from banded_phantom import ELLIPSOIDS_MM, banded_ct, ras_grid, rotated, stored, truth_mask
from threshold_model import BANDS_HU, SPEC, ThresholdModel

import omentum
from omentum.anatomy import STRUCTURES
from omentum.errors import CaseWarning, InputError, OutputError, UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import Segmenter, SegmentOptions, segment
from omentum.volume import Grid, Volume

ORDERS = [
    (axes, flips) for axes in itertools.permutations(range(3)) for flips in itertools.product([False, True], repeat=3)
]


@pytest.fixture(scope="module")
def model():
    return ThresholdModel(SPEC)


@pytest.fixture(scope="module")
def straight(model):
    return segment(banded_ct(ras_grid()), weights=model, device="cpu")


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def centroid_mm(mask, grid: Grid):
    return grid.to_world(np.argwhere(mask)).mean(axis=0)


def test_on_the_model_grid_every_voxel_is_right(straight):
    for key in BANDS_HU:
        np.testing.assert_array_equal(straight.mask(key), truth_mask(key, straight.grid))


@pytest.mark.parametrize("profile", ["balanced", "fast"])
def test_profiles_that_sum_in_float16_find_the_same(profile, model, straight):
    narrow = segment(banded_ct(ras_grid()), weights=model, device="cpu", profile=profile)
    np.testing.assert_array_equal(narrow.bits, straight.bits)
    for key, sure in straight.confidence.items():
        assert narrow.confidence[key].mean_probability == pytest.approx(sure.mean_probability, abs=0.001)


@pytest.mark.parametrize(("axes", "flips"), ORDERS[1::7])
def test_every_storage_order_gives_the_same_voxels(axes, flips, model):
    grid = stored(ras_grid(), axes, flips)
    seg = segment(banded_ct(grid), weights=model, device="cpu")
    np.testing.assert_array_equal(seg.affine, grid.affine)
    for key in BANDS_HU:
        np.testing.assert_array_equal(seg.mask(key), truth_mask(key, grid))


@pytest.mark.parametrize(
    "grid",
    [
        rotated(ras_grid(), 20),
        rotated(stored(ras_grid((2.0, 2.0, 5.0)), (2, 0, 1), (True, False, True)), -35),
        ras_grid((0.9, 1.1, 5.0)),
        ras_grid((1.3, 3.1, 0.8)),
        stored(ras_grid((3.4, 0.7, 2.2)), (1, 2, 0), (False, True, True)),
    ],
    ids=["oblique", "oblique thick", "thick slices", "thick rows", "turned"],
)
def test_the_same_anatomy_comes_out_of_any_grid(grid):
    """All ellipsoids equally bright and cut half-way to fat, so that partial volume moves no surface."""
    bright = ThresholdModel(SPEC, {"liver": (0, 200)})
    truth = np.any([truth_mask(key, grid) for key in ELLIPSOIDS_MM], axis=0)
    hu = np.where(truth, 100, np.minimum(banded_ct(grid).voxels, -100)).astype(np.int16)
    seg = segment(Volume(hu, grid.affine), weights=bright, device="cpu", postprocess="none")
    assert seg.shape == grid.shape
    np.testing.assert_array_equal(seg.affine, grid.affine)
    found = seg.mask("liver")
    assert dice(found, truth) > 0.93
    np.testing.assert_allclose(centroid_mm(found, grid), centroid_mm(truth, grid), atol=0.7)


def test_logits_and_not_masks_are_interpolated(model):
    """At 0.5 mm the surface of a 2 mm model is smooth: far fewer flat steps than nearest-neighbour masks have."""
    fine = ras_grid((0.5, 0.5, 0.5), (60, 50, 56))
    index = np.moveaxis(np.indices(fine.shape), 0, -1)
    radius = np.linalg.norm(fine.to_world(index), axis=-1)
    ct = Volume((150 - 4 * radius).astype(np.float32), fine.affine)  # HU falls linearly: the band 90..110 is a shell
    found = segment(ct, weights=model, device="cpu", force=True, postprocess="none").mask("liver")
    inside = (radius > 10.6) & (radius < 14.4)
    outside = (radius < 9.6) | (radius > 15.4)
    assert found[inside].all()
    assert not found[outside & (radius < 20)].any()


def test_classes_are_a_subset_by_any_name(model, straight):
    some = segment(banded_ct(ras_grid()), weights=model, classes=["kidneys", "liver tumor"], device="cpu")
    assert some.classes == ("left_kidney", "right_kidney", "liver_tumour")
    for key in some.classes:
        np.testing.assert_array_equal(some.mask(key), straight.mask(key))


def test_only_the_wanted_channels_are_computed():
    asked = []

    class Listening(ThresholdModel):
        def forward(self, x, classes=None):
            asked.append(classes)
            return super().forward(x, classes)

    segment(banded_ct(ras_grid()), weights=Listening(SPEC), classes=["right kidney"], device="cpu")
    assert {tuple(a) for a in asked} == {(2,)}


@pytest.mark.parametrize(
    ("classes", "match"),
    [
        (["renal artery"], "unknown structure 'renal artery'"),
        (
            ["spleen"],
            r"do not know spleen: they were not trained for it \(words alone give no usable mask; `omentum extend`",
        ),
        ([], "no class"),
    ],
)
def test_classes_that_cannot_be_had_are_refused(classes, match, model):
    with pytest.raises(UsageError, match=match):
        segment(banded_ct(ras_grid()), weights=model, classes=classes, device="cpu")


def test_what_the_network_says_is_cleaned_unless_not_wanted():
    ct = banded_ct(ras_grid())
    ct.voxels[5:8, 20:23, 20:23] = 100
    speck = np.zeros(ct.shape, bool)
    speck[5:8, 20:23, 20:23] = True
    model = ThresholdModel(SPEC)
    raw = segment(ct, weights=model, device="cpu", postprocess="none")
    assert raw.mask("liver")[6, 21, 21]
    assert raw.manifest["cleaned"] == []
    for rules in ("omentum", "published"):
        seg = segment(ct, weights=model, device="cpu", postprocess=rules)
        np.testing.assert_array_equal(seg.mask("liver"), truth_mask("liver", seg.grid))
        assert seg.manifest["options"]["postprocess"] == rules
        (change,) = [c for c in seg.manifest["cleaned"] if c["structure"] == "liver"]
        assert change["removed_ml"] == pytest.approx((raw.mask("liver") & speck).sum() * 0.008, abs=1e-3)


def test_unknown_post_processing_is_refused(model):
    with pytest.raises(UsageError, match="unknown post-processing 'magic'"):
        Segmenter(model, SegmentOptions(postprocess="magic"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_a_device_that_is_not_there_is_refused_and_auto_goes_without(model):
    with pytest.raises(UsageError, match="no usable cuda"):
        Segmenter(model, SegmentOptions(device="cuda"))
    assert Segmenter(model, SegmentOptions(device="auto")).device.type == "cpu"


def test_an_unknown_device_is_refused(model):
    with pytest.raises(UsageError, match="unknown device 'tpu'"):
        Segmenter(model, SegmentOptions(device="tpu"))


@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 40, 40), (64, 3, 1)])
def test_volumes_below_a_window_come_out_in_their_own_shape(shape, model):
    ct = Volume(np.full(shape, 100, np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
    ct.voxels[0, :2] = -1000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaseWarning)
        seg = segment(ct, weights=model, device="cpu")
    np.testing.assert_array_equal(seg.mask("liver"), ct.voxels == 100)


def test_outside_the_foreground_nothing_is_found():
    """A class that claims all air: only what was cropped away is kept from it."""
    greedy = ThresholdModel(SPEC, {"liver": (-5000, 5000)})
    ct = banded_ct(ras_grid())
    seg = segment(ct, weights=greedy, device="cpu")
    inside = np.argwhere(ct.voxels > SPEC.window_hu[0])
    box = np.zeros(ct.shape, bool)
    box[tuple(slice(a, b + 1) for a, b in zip(inside.min(0), inside.max(0), strict=True))] = True
    np.testing.assert_array_equal(seg.mask("liver"), box)


def test_a_scan_of_air_is_told_of_and_empty(model):
    ct = Volume(np.full((40, 40, 40), -1000, np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
    with pytest.warns(CaseWarning, match="nothing will be found"):
        seg = segment(ct, weights=model, device="cpu")
    assert not seg.present()
    assert any("nothing will be found" in warning for warning in seg.manifest["warnings"])


def test_progress_ends_complete(model):
    told = []
    segment(banded_ct(ras_grid()), weights=model, device="cpu", progress=lambda done, of: told.append((done, of)))
    assert told
    assert told[-1][0] == told[-1][1]


def test_the_model_is_loaded_after_the_input_was_read(monkeypatch, tmp_path):
    def never(*_):
        raise AssertionError("loaded")

    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", never)
    with pytest.raises(InputError, match="No such file"):
        segment(tmp_path / "nothing.nii.gz", device="cpu")


def test_the_manifest_says_what_was_done(model, tmp_path):
    write_volume(tmp_path / "ct.nii.gz", banded_ct(ras_grid()))
    manifest = segment(tmp_path / "ct.nii.gz", weights=model, classes=["liver"], device="cpu").manifest
    assert manifest["input"]["sha256"] == hashlib.sha256((tmp_path / "ct.nii.gz").read_bytes()).hexdigest()
    assert manifest["input"]["case"] == "ct"
    assert str(tmp_path) not in json.dumps(manifest)
    assert manifest["weights"]["classes_sha256"] == model.spec.classes_sha256
    assert manifest["options"]["classes"] == ["liver"]
    assert manifest["versions"]["omentum"] == omentum.__version__
    assert manifest["device"]["type"] == "cpu"
    assert set(manifest["timings_s"]) == {"read", "load_weights", "prepare", "locate", "infer", "mirror", "postprocess"}
    assert manifest["peak_memory_mb"]["process"] > 50
    assert manifest["warnings"] == []


@pytest.mark.parametrize(("axes", "flips"), ORDERS[2::11])
def test_the_probability_of_lesions_lies_on_their_voxels(axes, flips, model):
    seg = segment(
        banded_ct(rotated(stored(ras_grid((2.0, 2.0, 3.0)), axes, flips), 10)),
        weights=model,
        device="cpu",
        postprocess="none",
    )
    probability = seg.lesion_probability.to_array()
    np.testing.assert_array_equal(probability > 0, seg.mask("liver_tumour"))
    assert probability.max() == 255  # ten HU from the band's edge is a logit of ten
    assert set(seg.confidence) == set(BANDS_HU)


def test_without_lesion_types_nothing_is_kept_of_lesions(model):
    seg = segment(banded_ct(ras_grid()), weights=model, classes=["liver"], device="cpu")
    assert (seg.lesion_probability, seg.lesions(), set(seg.confidence)) == (None, [], {"liver"})


class TestSave:
    def test_a_folder_holds_everything(self, straight, tmp_path):
        straight.save(tmp_path / "case", masks=True)
        assert sorted(p.relative_to(tmp_path / "case").as_posix() for p in (tmp_path / "case").rglob("*.*")) == [
            "labels_itksnap.txt",
            "labels_slicer.ctbl",
            "lesions.csv",
            "manifest.json",
            *(f"masks/{key}.nii.gz" for key in sorted(BANDS_HU)),
            "measurements.json",
            "preview.png",
            "report.html",
            "segmentation.nii.gz",
            "segmentation.seg.nrrd",
        ]
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
        assert measured["structures"]["liver"]["score"] == pytest.approx(
            quality["structures"]["liver"]["score"], abs=1e-4
        )
        assert of_tumour["confidence"]["disagreement"] == 0  # this model sees one voxel at a time

    def test_what_is_not_found_has_a_mask_of_zeros(self, model, tmp_path):
        found = segment(banded_ct(ras_grid()), weights=model, classes=["liver", "liver tumour"], device="cpu")
        nothing = replace(found, bits=found.bits & 1)
        nothing.save(tmp_path / "case", masks=True, preview=False, report=False)
        files = {p.name: read_volume(p) for p in (tmp_path / "case" / "masks").iterdir()}
        assert {name: bool(image.voxels.any()) for name, image in files.items()} == {
            "liver.nii.gz": True,
            "liver_tumour.nii.gz": False,
        }
        assert all(image.voxels.shape == found.shape for image in files.values())

    def test_meshes_lie_where_the_masks_lie(self, straight, tmp_path):
        trimesh = pytest.importorskip("trimesh")
        straight.save(tmp_path / "case", meshes="stl", preview=False, report=False)
        assert {p.name for p in (tmp_path / "case" / "meshes").iterdir()} == {f"{key}.stl" for key in BANDS_HU}
        for key in BANDS_HU:
            mesh = trimesh.load(tmp_path / "case" / "meshes" / f"{key}.stl")
            assert mesh.is_watertight
            np.testing.assert_allclose(mesh.center_mass, centroid_mm(straight.mask(key), straight.grid), atol=0.5)

    def test_an_unknown_mesh_format_leaves_nothing_behind(self, straight, tmp_path):
        with pytest.raises(UsageError, match="stl, obj, glb"):
            straight.save(tmp_path / "case", meshes="vrml")
        assert not list(tmp_path.iterdir())

    def test_a_nifti_name_gets_the_label_map_alone(self, straight, tmp_path):
        straight.save(tmp_path / "seg.nii.gz")
        assert [p.name for p in tmp_path.iterdir()] == ["seg.nii.gz"]

    @pytest.mark.parametrize("asked", [{"masks": True}, {"statistics": True}, {"meshes": "stl"}])
    def test_what_a_nifti_cannot_hold_is_refused(self, straight, tmp_path, asked):
        with pytest.raises(UsageError, match=f"labels alone, no place for {next(iter(asked))}"):
            straight.save(tmp_path / "seg.nii.gz", **asked)
        assert not list(tmp_path.iterdir())

    def test_the_affine_is_that_of_the_file_to_the_bit(self, model, tmp_path):
        grid = rotated(ras_grid((1.7, 2.3, 3.1)), 13)
        write_volume(tmp_path / "ct.nii.gz", banded_ct(grid))
        segment(tmp_path / "ct.nii.gz", weights=model, device="cpu").save(tmp_path / "seg.nii")
        ct, seg = read_volume(tmp_path / "ct.nii.gz"), read_volume(tmp_path / "seg.nii")
        assert seg.affine.tobytes() == ct.affine.tobytes()

    def test_nothing_is_overwritten_unasked(self, straight, tmp_path):
        straight.save(tmp_path / "case", preview=False, report=False)
        with pytest.raises(OutputError, match="exists already"):
            straight.save(tmp_path / "case", preview=False, report=False)
        straight.save(tmp_path / "case", masks=True, preview=False, report=False, overwrite=True)
        assert (tmp_path / "case" / "masks").is_dir()

    def test_a_folder_of_somebody_else_is_never_replaced(self, straight, tmp_path):
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "only_copy.tex").write_text("dear diary")
        with pytest.raises(OutputError, match="holds something else"):
            straight.save(tmp_path / "thesis", overwrite=True)
        assert (tmp_path / "thesis" / "only_copy.tex").exists()

    def test_a_fault_leaves_nothing_and_spares_what_was_there(self, straight, tmp_path, monkeypatch):
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


def test_the_aorta_is_measured_only_where_it_was_looked_for(straight):
    with pytest.raises(UsageError, match="no class 'aorta' in this segmentation"):
        straight.aorta()
    tall = ThresholdModel(SPEC, {"aorta": (1000, 2000)})
    assert segment(banded_ct(ras_grid((3.0, 3.0, 4.0))), weights=tall, device="cpu").aorta() is None
