from __future__ import annotations

import json

import numpy as np
import pytest

from omentum.errors import GeometryError
from omentum.evaluate import evaluate, missed_case, summarise
from omentum.segmentation import Segmentation

SHAPE = (24, 12, 12)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def block(x, side=8):
    mask = np.zeros(SHAPE, bool)
    mask[x : x + side, 2:10, 2:10] = True
    return mask


NOTHING = np.zeros(SHAPE, bool)


def seg(annotated=None, **masks):
    return Segmentation.from_masks(masks, AFFINE, annotated)


def test_swapping_left_and_right_is_seen():
    truth = seg(right_kidney=block(0), left_kidney=block(12))
    swapped = seg(right_kidney=block(12), left_kidney=block(0))
    assert evaluate(truth, truth)["left_kidney"].dice == 1.0
    assert evaluate(swapped, truth)["left_kidney"].dice == 0.0


def test_classes_are_compared_by_name_not_by_bit():
    one = seg(spleen=block(0), liver=block(12))
    other = seg(liver=block(12), spleen=block(0))
    assert all(score.dice == 1.0 for score in evaluate(one, other).structures)


def test_a_structure_nobody_looked_for_is_not_judged():
    score = evaluate(seg(liver=block(0)), seg([], liver=NOTHING))["liver"]
    assert (score.status, score.dice, score.reference_ml) == ("not_annotated", None, None)
    assert score.predicted_ml == pytest.approx(8 * 8 * 8 * 0.008)


def test_a_structure_the_prediction_was_not_asked_for_is_named_not_scored():
    scores = evaluate(seg(liver=block(0)), seg(liver=block(0), spleen=block(12)))
    assert scores.not_predicted == ("spleen",)
    assert [s.key for s in scores.structures] == ["liver"]


def test_lesions_are_counted_where_annotated():
    truth = seg(liver=block(0), liver_tumour=block(2, 3))
    assert evaluate(truth, truth)["liver_tumour"].lesions.true_positives == 1
    unknown = seg(["liver"], liver=block(0), liver_tumour=NOTHING)
    assert evaluate(truth, unknown)["liver_tumour"].lesions is None


def test_different_grids_are_refused_with_both_named():
    other = Segmentation.from_masks({"liver": block(0)}, np.diag([1.0, 1.0, 3.0, 1.0]))
    with pytest.raises(GeometryError, match=r"2 x 2 x 2 mm.*1 x 1 x 3 mm"):
        evaluate(seg(liver=block(0)), other)


def test_a_case_without_a_result_is_a_miss_for_what_is_there_only():
    scores = missed_case(seg(liver=block(0), spleen=NOTHING), ("liver", "spleen"))
    assert [s.status for s in scores.structures] == ["true_negative", "false_negative"]


def test_means_go_over_cases_then_structures_organs_apart_from_lesions():
    truth = seg(liver=block(0), spleen=block(12), liver_tumour=block(0, 4))
    cases = [
        evaluate(truth, truth),
        evaluate(seg(liver=NOTHING, spleen=block(12), liver_tumour=NOTHING), truth),
        evaluate(truth, seg(["liver"], liver=block(0))),
    ]
    summary = summarise(cases)
    assert summary["liver"].dice.mean == pytest.approx(2 / 3)
    assert summary["liver"].dice.percentile_5 == pytest.approx(0.1)
    assert summary["spleen"].dice.n == 2
    assert summary.organ_dice.mean == pytest.approx((2 / 3 + 1) / 2)
    assert summary.lesion_dice.mean == pytest.approx(0.5)
    tumour = summary["liver_tumour"]
    assert (tumour.annotated_cases, tumour.outcomes["not_annotated"]) == (2, 1)
    assert (tumour.lesions.sensitivity, tumour.false_positives_a_case) == (0.5, 0.0)


def test_everything_is_valid_json():
    truth = seg(liver=block(0), spleen=NOTHING, liver_tumour=NOTHING)
    case = evaluate(truth, truth)
    text = json.dumps([case.to_json(), summarise([case]).to_json()], allow_nan=False)
    assert '"true_negative"' in text
