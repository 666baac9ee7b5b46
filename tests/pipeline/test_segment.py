"""`omentum.segment`: classes, devices, post-processing, confidence, progress and the manifest."""

import hashlib
import json

import numpy as np
import pytest
import torch
from banded_phantom import banded_ct, ras_grid, truth_mask
from threshold_model import SPEC, ThresholdModel

import omentum
from omentum.errors import CaseWarning, InputError, UsageError
from omentum.io.nifti import write_volume
from omentum.pipeline import Segmenter, SegmentOptions, segment
from omentum.volume import Volume


@pytest.mark.parametrize("profile", ["balanced", "fast"])
def test_profiles_that_sum_in_float16_find_the_same(profile, model, straight):
    narrow = segment(banded_ct(ras_grid()), weights=model, device="cpu", profile=profile)
    np.testing.assert_array_equal(narrow.bits, straight.bits)
    for key, sure in straight.confidence.items():
        assert narrow.confidence[key].mean_probability == pytest.approx(sure.mean_probability, abs=0.001)


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


def test_without_lesion_types_nothing_is_kept_of_lesions(model):
    seg = segment(banded_ct(ras_grid()), weights=model, classes=["liver"], device="cpu")
    assert (seg.lesion_probability, seg.lesions(), set(seg.confidence)) == (None, [], {"liver"})


def test_the_aorta_is_measured_only_where_it_was_looked_for(straight):
    with pytest.raises(UsageError, match="no class 'aorta' in this segmentation"):
        straight.aorta()
    tall = ThresholdModel(SPEC, {"aorta": (1000, 2000)})
    assert segment(banded_ct(ras_grid((3.0, 3.0, 4.0))), weights=tall, device="cpu").aorta() is None
