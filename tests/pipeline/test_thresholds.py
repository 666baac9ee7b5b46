"""Operating points: which voxels belong, and what is told of them, at a threshold other than 0.5."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from banded_phantom import banded_ct, ras_grid, rotated
from threshold_model import SPEC, ThresholdModel

from omentum.errors import UsageError
from omentum.pipeline import Segmenter, SegmentOptions, parse_thresholds, segment
from omentum.pipeline.thresholds import above_thresholds, logit, settle_thresholds
from omentum.preprocess.prepare import prepare
from omentum.volume import Volume
from reference.interpolated import probabilities_on_ct

KEYS = {"liver": ["liver"], "kidneys": ["left_kidney", "right_kidney"], "liver tumor": ["liver_tumour"]}
USUAL = {"liver": 0.5, "left_kidney": 0.5, "right_kidney": 0.5, "liver_tumour": 0.4}


class SoftModel(ThresholdModel):
    """Probabilities of every size: HU change slowly over the ball of `soft_ct`, and logits are a tenth of HU."""

    def forward(self, x, classes=None):
        return super().forward(x, classes) / 10


def soft_ct(grid) -> Volume:
    """HU fall from 150 in the middle, 4 a millimetre."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    radius = np.linalg.norm(grid.to_world(index) - (3, -2, 1), axis=-1)
    return Volume((150 - 4 * radius).clip(-1000).astype(np.float32), grid.affine)


GRIDS = [ras_grid((2.0, 2.0, 2.0), (90, 80, 84)), rotated(ras_grid((0.9, 1.1, 3.0), (90, 80, 84)), 10)]
MODEL = SoftModel(SPEC, {"liver": (0, 120), "spleen": (60, 200), "liver_tumour": (80, 140)})


def found(threshold, ct, **options):
    return segment(
        ct, weights=MODEL, device="cpu", force=True, postprocess="none", threshold=threshold, engine="torch", **options
    )


@pytest.mark.parametrize("grid", GRIDS, ids=["straight", "oblique and thick"])
@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_a_voxel_belongs_where_its_probability_is_above(grid, threshold):
    ct = soft_ct(grid)
    seg = found(threshold, ct)
    for key, probability in probabilities_on_ct(MODEL, prepare(ct, SPEC)).items():
        sure = np.abs(probability - threshold) > 1e-5
        assert sure.mean() > 0.99
        np.testing.assert_array_equal(seg.mask(key)[sure], probability[sure] > threshold)
        assert seg.mask(key).any() or probability.max() < threshold


def test_exactly_the_threshold_is_outside():
    flat = ThresholdModel(SPEC, {"liver": (0, 100), "spleen": (0, 100)})
    ct = Volume(np.full((40, 40, 40), 100, np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))  # on the edge: a logit of 0
    ct.voxels[0] = -1000
    ct.voxels[20:, 20:, 20:] = 99
    seg = segment(ct, weights=flat, device="cpu", postprocess="none")
    np.testing.assert_array_equal(seg.mask("liver"), ct.voxels == 99)


def test_half_is_what_it_always_was_and_the_same_predictor():
    ct = soft_ct(GRIDS[1])
    np.testing.assert_array_equal(found(0.5, ct).bits, found(None, ct).bits)
    predict = lambda windows: windows  # noqa: E731
    assert above_thresholds(predict, [logit(0.5)] * 3) is predict


def test_one_class_moves_and_the_others_do_not():
    ct = soft_ct(GRIDS[0])
    usual, moved = found(None, ct), found({"liver tumor": 0.3}, ct)
    for key in ("liver", "spleen"):
        np.testing.assert_array_equal(moved.mask(key), usual.mask(key))
    assert moved.mask("liver_tumour").sum() > usual.mask("liver_tumour").sum()
    assert moved.manifest["options"]["threshold"] == {"liver_tumour": 0.3}
    assert usual.manifest["options"]["threshold"] == {}


def test_the_threshold_of_the_weights_holds_unless_another_is_asked_for():
    import copy
    from dataclasses import replace

    weights = copy.deepcopy(MODEL)
    classes = tuple(replace(c, threshold=0.3 if c.key == "liver_tumour" else 0.5) for c in weights.spec.classes)
    weights.spec = replace(weights.spec, classes=classes)
    ct = soft_ct(GRIDS[0])
    kept, asked = (
        segment(ct, weights=weights, device="cpu", force=True, postprocess="none", threshold=t) for t in (None, 0.5)
    )
    np.testing.assert_array_equal(kept.bits, found({"liver_tumour": 0.3}, ct).bits)
    np.testing.assert_array_equal(asked.bits, found(None, ct).bits)


@pytest.mark.parametrize("profile", ["exact", "balanced"])
@pytest.mark.parametrize("threshold", [0.2, 0.8])
def test_confidence_tells_of_true_probabilities(threshold, profile):
    ct = soft_ct(GRIDS[0])
    seg = found(threshold, ct, profile=profile)
    for key, probability in probabilities_on_ct(MODEL, prepare(ct, SPEC)).items():
        inside = seg.mask(key)
        sure = seg.confidence[key]
        assert sure.mean_probability == pytest.approx(probability[inside].mean(), abs=0.003)
        assert sure.unsure_share == pytest.approx((probability[inside] < 0.7311).mean(), abs=0.02)
    lesion = probabilities_on_ct(MODEL, prepare(ct, SPEC))["liver_tumour"]
    kept = seg.lesion_probability.to_array()
    np.testing.assert_array_equal(kept > 0, seg.mask("liver_tumour"))
    np.testing.assert_allclose(kept[kept > 0] / 255, lesion[kept > 0], atol=0.004)


def test_however_low_the_threshold_nothing_is_found_where_nobody_looked():
    """Air that was cropped away, and everything outside the model grid, has no probability at all."""
    ct = banded_ct(ras_grid())
    seg = segment(ct, weights=ThresholdModel(SPEC), device="cpu", threshold=1e-9, postprocess="none")
    assert not seg.mask("liver")[0].any()
    assert seg.mask("liver")[30, 25, 28]


def test_the_classes_looked_for_are_the_ones_that_have_thresholds():
    segmenter = Segmenter(
        MODEL, SegmentOptions(("liver tumor", "spleen"), "cpu", threshold={"all": 0.4, "spleen": 0.6})
    )
    assert segmenter.thresholds == {"spleen": 0.6, "liver_tumour": 0.4}
    with pytest.raises(UsageError, match="a threshold for 'liver', which is not looked for"):
        Segmenter(MODEL, SegmentOptions(("spleen",), "cpu", threshold={"liver": 0.4})).load()


@pytest.mark.parametrize("threshold", [0, 1, 1.2, -3, float("nan"), {"liver": 0.0}])
def test_what_is_no_probability_is_refused_at_once(threshold):
    with pytest.raises(UsageError, match="not between 0 and 1"):
        Segmenter(MODEL, SegmentOptions(threshold=threshold))


def test_groups_all_and_the_order_they_are_given_in():
    def settled(*words):
        return settle_thresholds(USUAL, parse_thresholds(words), KEYS.__getitem__)

    assert settled("0.3") == dict.fromkeys(USUAL, 0.3)
    assert settled("kidneys=0.2") == USUAL | {"left_kidney": 0.2, "right_kidney": 0.2}
    assert settled("0.3", "liver tumor=0.6") == dict.fromkeys(USUAL, 0.3) | {"liver_tumour": 0.6}
    assert settled("liver tumor=0.6", "all=0.3") == dict.fromkeys(USUAL, 0.3)
    assert settled("liver tumor=0.3", "0.5", "liver tumor=0.4") == dict.fromkeys(USUAL, 0.5) | {"liver_tumour": 0.4}
    assert settled("0.3", "liver tumor=0.4", "0.6") == dict.fromkeys(USUAL, 0.6)
    assert settled() == USUAL


def test_logits_are_moved_once():
    logits = torch.tensor([[0.0, 1.0, -1.0]]).view(1, 3, 1, 1, 1)
    moved = above_thresholds(lambda _: logits.clone(), [logit(0.5), logit(0.3), logit(0.9)])(logits)
    expected = [0.0, 1 - np.log(0.3 / 0.7), -1 - np.log(0.9 / 0.1)]
    np.testing.assert_allclose(moved.flatten(), expected, rtol=1e-6)
    assert logit(0.5) == 0


def test_weights_ask_for_a_smallest_volume():
    ct, key = soft_ct(GRIDS[0]), "liver_tumour"
    whole = segment(ct, weights=MODEL, device="cpu", force=True, engine="torch", classes="liver,liver_tumour")
    ml = whole.mask(key).sum() * whole.grid.voxel_volume_ml
    for asked, stays in ((0.5 * ml, True), (2 * ml, False)):
        model = SoftModel(SPEC, {"liver": (0, 120), "spleen": (60, 200), "liver_tumour": (80, 140)})
        classes = tuple(replace(c, minimum_ml=asked * (c.key == key)) for c in model.spec.classes)
        model.spec = replace(model.spec, classes=classes)
        found = segment(ct, weights=model, device="cpu", force=True, engine="torch", classes="liver,liver_tumour")
        assert found.mask(key).any() == stays
        assert np.array_equal(found.mask("liver"), whole.mask("liver"))
        assert found.manifest["options"]["minimum_ml"] == {key: asked}
        raw = segment(
            ct, weights=model, device="cpu", force=True, engine="torch", classes="liver_tumour", postprocess="none"
        )
        assert raw.mask(key).any()
