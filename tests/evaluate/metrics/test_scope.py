from __future__ import annotations

import numpy as np
import pytest

from omentum.evaluate import Scope, evaluate, summarise
from omentum.evaluate.metrics.scope import in_order
from omentum.segmentation import Segmentation

SHAPE = (24, 12, 12)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
NOTHING = np.zeros(SHAPE, bool)


def block(x, side=8):
    mask = np.zeros(SHAPE, bool)
    mask[x : x + side, 2:10, 2:10] = True
    return mask


def seg(annotated=None, **masks):
    return Segmentation.from_masks(masks, AFFINE, annotated)


TRUTH = seg(liver=block(0), spleen=block(12), pancreas_tumour=NOTHING)
LIVER = seg(liver=block(0))


def test_silence_is_a_miss_with_dice_and_nsd_of_zero():
    scores = evaluate(LIVER, TRUTH, scope=Scope(None))
    spleen = scores["spleen"]
    assert (spleen.status, spleen.dice, spleen.nsd) == ("false_negative", 0.0, 0.0)
    assert spleen.reference_ml == pytest.approx(4.096)
    assert scores["pancreas_tumour"].status == "true_negative"
    assert scores.not_evaluated == {}
    summary = summarise([scores])
    assert (summary.organ_dice.mean, summary["spleen"].patients.false_negatives) == (0.5, 1)
    assert summary.organs.to_json() == {
        "n": 2,
        "of_annotated": 2,
        "annotated": ["spleen", "liver"],
        "not_evaluated": {},
    }


def test_what_was_not_asked_for_is_left_out_with_the_reason():
    scores = evaluate(LIVER, TRUTH, scope=Scope(frozenset({"liver", "pancreas_tumour"}), "not asked for"))
    assert [s.key for s in scores.structures] == ["liver", "pancreas_tumour"]
    assert scores.not_evaluated == {"spleen": "not asked for"}
    summary = summarise([scores])
    assert summary.organ_dice.mean == 1.0
    assert (summary.organs.annotated, summary.organs.in_mean) == (("spleen", "liver"), ("liver",))
    assert summary.organs.not_evaluated == {"spleen": "not asked for"}
    assert summary.lesions.not_evaluated == {"pancreas_tumour": "in no reference and no prediction, so without a Dice"}


def test_only_what_is_wanted_is_judged_even_among_the_classes_of_the_prediction():
    both = seg(liver=block(0), spleen=block(12))
    scores = evaluate(both, TRUTH, scope=Scope(frozenset({"spleen"}), "not wanted", only=True))
    assert [s.key for s in scores.structures] == ["spleen"]
    assert scores.not_evaluated == {"liver": "not wanted", "pancreas_tumour": "not wanted"}


def test_what_cannot_be_judged_says_why():
    scope = Scope(None, excluded={"liver": "holds the stomach as well"})
    scores = evaluate(LIVER, TRUTH, scope=scope)
    assert scores.not_evaluated == {"liver": "holds the stomach as well"}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_joined_pair_is_judged_as_one_whichever_side_it_is(swapped):
    sides = ("left_kidney", "right_kidney") if swapped else ("right_kidney", "left_kidney")
    ours = seg(**dict(zip(sides, (block(0), block(12)), strict=True)))
    both = block(0) | block(12)
    truth = seg(right_kidney=both, left_kidney=both)
    scores = evaluate(ours, truth, scope=Scope(None, joined=frozenset({"kidneys"})))
    (kidneys,) = scores.structures
    assert (kidneys.key, kidneys.dice, kidneys.nsd, kidneys.hd95_mm) == ("kidneys", 1.0, 1.0, 0.0)
    assert kidneys.reference_ml == pytest.approx(2 * 8 * 8 * 8 * 0.008)
    assert summarise([scores])["kidneys"].dice.mean == 1.0


def test_a_joined_pair_of_which_one_side_was_predicted_is_half_found():
    both = block(0) | block(12)
    truth = seg(right_kidney=both, left_kidney=both)
    scope = Scope(None, joined=frozenset({"kidneys"}))
    assert evaluate(seg(left_kidney=block(12)), truth, scope=scope)["kidneys"].recall == 0.5
    assert evaluate(seg(spleen=NOTHING), truth, scope=scope)["kidneys"].status == "false_negative"
    unknown = Segmentation(truth.bits, AFFINE, truth.classes, frozenset({"left_kidney"}))
    assert evaluate(seg(left_kidney=block(12)), unknown, scope=scope)["kidneys"].status == "not_annotated"


def test_a_structure_judged_in_some_cases_only_says_in_how_many():
    cases = [
        evaluate(LIVER, TRUTH, case="a", scope=Scope(None)),
        evaluate(LIVER, TRUTH, case="b", scope=Scope(frozenset({"liver"}), "not asked for")),
    ]
    row = summarise(cases)["spleen"]
    assert (row.annotated_cases, row.all_annotated_cases, row.not_evaluated) == (1, 2, {"not asked for": 1})


def test_pairs_stand_before_their_right_side():
    keys = ["liver_tumour", "left_kidney", "kidneys", "spleen", "right_kidney"]
    assert in_order(keys) == ("spleen", "kidneys", "right_kidney", "left_kidney", "liver_tumour")
