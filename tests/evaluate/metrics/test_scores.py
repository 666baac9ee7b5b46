from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from omentum.axis_order import AxisOrder
from omentum.errors import GeometryError
from omentum.evaluate import Rules, aligned, evaluate, load_tolerances, missed_case, summarise
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
    assert scores.not_evaluated == {"spleen": "no class of the prediction"}
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
    assert [(s.key, s.status) for s in scores.structures] == [("liver", "false_negative")]
    assert scores.not_evaluated == {"spleen": "no prediction, and none in the reference"}
    assert not scores.has_prediction


def test_a_case_without_a_result_is_neither_specific_nor_a_scan_without_false_lesions():
    ill, well = (seg(liver=block(0), liver_tumour=mask) for mask in (block(0, 4), NOTHING))
    noisy = seg(liver=block(0), liver_tumour=block(12, 4))
    cases = [
        evaluate(noisy, ill, case="a"),
        *(missed_case(t, ill.classes, case=c) for t, c in ((ill, "b"), (well, "c"))),
    ]
    row = summarise(cases)["liver_tumour"]
    assert (row.patients.specificity, row.patients.false_negatives) == (None, 1)
    assert (row.lesions.scans, row.false_positives_per_case) == (1, 1.0)
    assert (row.annotated_cases, row.all_annotated_cases) == (2, 3)


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
    assert (tumour.lesions.sensitivity, tumour.false_positives_per_case) == (0.5, 0.0)


def test_everything_is_valid_json():
    truth = seg(liver=block(0), spleen=NOTHING, liver_tumour=NOTHING)
    case = evaluate(truth, truth)
    text = json.dumps([case.to_json(), summarise([case]).to_json()], allow_nan=False)
    assert '"true_negative"' in text


def test_a_miss_and_a_false_alarm_cost_the_diagonal_and_an_absence_nothing():
    diagonal = float(np.linalg.norm(np.array(SHAPE) * 2.0))
    truth = seg(liver=block(0), spleen=NOTHING, bladder=NOTHING)
    scores = evaluate(seg(liver=NOTHING, spleen=block(0), bladder=NOTHING), truth)
    for key in ("liver", "spleen"):
        assert (scores[key].nsd, scores[key].assd_mm) == (0.0, pytest.approx(diagonal))
    assert (scores["bladder"].nsd, scores["bladder"].hd95_mm, scores["bladder"].volume_error_ml) == (None, None, None)


def test_volume_errors_have_a_sign():
    scores = evaluate(seg(liver=block(0, 4), spleen=block(0)), seg(liver=block(0, 8), spleen=NOTHING))
    assert scores["liver"].volume_error_ml == pytest.approx((4 - 8) * 64 * 0.008)
    assert scores["liver"].volume_error_percent == pytest.approx(-50)
    assert (scores["spleen"].volume_error_ml > 0, scores["spleen"].volume_error_percent) == (True, None)


def test_distances_are_in_mm_on_an_oblique_anisotropic_grid():
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (20, -10, 35), degrees=True).as_matrix() @ np.diag([0.7, 0.9, 5.0])
    truth, moved = np.zeros((2, 12, 12, 12), bool)
    truth[2:8, 2:8, 2:8], moved[2:8, 2:8, 3:9] = True, True
    pair = [Segmentation.from_masks({"liver": mask}, turn) for mask in (moved, truth)]
    score = evaluate(*pair, rules=Rules(load_tolerances("4.9")))["liver"]
    assert score.hd95_mm == pytest.approx(5.0)
    assert 0 < score.nsd < 1
    assert evaluate(*pair, rules=Rules(load_tolerances("5.0")))["liver"].nsd == 1.0


def test_a_sheared_grid_is_refused_only_where_distances_are_asked_for():
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.4
    pair = Segmentation.from_masks({"liver": block(0)}, sheared)
    with pytest.raises(GeometryError, match=r"right angles.*--no-distances"):
        evaluate(pair, pair)
    assert evaluate(pair, pair, rules=Rules(distances=False))["liver"].nsd is None


def test_false_lesions_are_told_by_size():
    truth = seg(liver=block(0), liver_tumour=NOTHING)
    found = evaluate(seg(liver=block(0), liver_tumour=block(1, 4)), truth)["liver_tumour"].lesions
    assert found.false_positives_by_size == {"< 10 mm": 0, "10-20 mm": 1, "> 20 mm": 0}


def test_a_patient_of_two_scans_is_one_patient():
    truth = seg(liver=block(0), liver_tumour=block(2, 3))
    missed = seg(liver=block(0), liver_tumour=NOTHING)
    summary = summarise([evaluate(pred, truth, patient="p") for pred in (truth, missed)])
    assert (summary.cases, summary.patients) == (2, 1)
    assert summary["liver_tumour"].patients.sensitivity == 1.0
    assert summary["liver_tumour"].dice.mean_95 is None


@settings(max_examples=24)
@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3), st.tuples(*[st.sampled_from([0.7, 1.5, 4.0])] * 3))
def test_how_the_reference_is_stored_changes_no_number(axes, flips, spacing):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (5, 15, -10), degrees=True).as_matrix() @ np.diag(spacing)
    pred, ref = (Segmentation.from_masks({"liver": mask, "liver_tumour": mask}, turn) for mask in (block(0), block(3)))
    order = AxisOrder(tuple(axes), flips)
    stored = Segmentation(order.view(ref.bits), order.grid(ref.grid).affine, ref.classes)
    for one, other in zip(
        evaluate(pred, ref).structures, evaluate(aligned(pred, stored.grid), stored).structures, strict=True
    ):
        for name in ("dice", "nsd", "hd95_mm", "assd_mm", "volume_error_ml"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-5, abs=1e-6), name
        assert one.lesions == other.lesions
