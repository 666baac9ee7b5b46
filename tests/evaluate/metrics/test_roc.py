"""ROC and FROC against slow ones: every pair of patients, every threshold a segmentation of its own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.evaluate import evaluate, missed_case, summarise
from omentum.evaluate.metrics.detection import SIZE_BINS_MM, detect
from omentum.evaluate.metrics.operating import LISTS, STEPS, THRESHOLDS, curve
from omentum.evaluate.metrics.roc import RATES, auc, lesion_curves
from omentum.segmentation import Segmentation

SHAPE = (24, 16, 16)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
ML = 0.064
KEY = "liver_tumour"


def cube(at, side=4):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, a + side) for a in at)] = True
    return mask


def likely(*blobs):
    """Probability map, uint8, from (corner, probability) or (corner, probability, side)."""
    steps = np.zeros(SHAPE, np.uint8)
    for corner, probability, *side in blobs:
        steps[cube(corner, *side)] = round(probability * STEPS)
    return steps


def case(name, steps, truth, patient="", source="probability maps"):
    """A case as `omentum evaluate` has it: the mask is the map cut at a half."""
    reference = Segmentation.from_masks({KEY: truth}, AFFINE)
    scores = evaluate(Segmentation.from_masks({KEY: steps >= 128}, AFFINE), reference, case=name, patient=patient)
    return replace(scores, curves={KEY: curve(steps, truth, ML, 0.03, source)})


A, B, C, D = (0, 0, 0), (8, 0, 0), (16, 0, 0), (0, 8, 8)
NOTHING = np.zeros(SHAPE, bool)
CASES = (
    case("ill", likely((A, 0.9), (B, 0.3), (C, 0.6)), cube(A) | cube(B)),
    case("ill too", likely((A, 0.4)), cube(A)),
    case("well", likely((D, 0.4)), NOTHING),
    case("well too", likely(), NOTHING),
)


def test_known_numbers():
    (found,) = lesion_curves(CASES)
    assert (found.key, found.cases, found.without, found.source) == (KEY, 4, 0, "probability maps")
    # Patients: 0.9 and 0.4 against 0.4 and 0: three pairs in order, one tie.
    assert (found.roc.diseased, found.roc.healthy, found.roc.auc) == (2, 2, 0.875)
    assert (found.froc.lesions, found.froc.scans) == (3, 4)
    at = {point.rate: point for point in found.froc.points}
    # From 0.65 on only A of "ill" is left, without a false one; the false ones come at 0.6 and 0.4.
    assert (at[0.125].threshold, at[0.125].false_positives_per_scan, at[0.125].sensitivity) == (
        0.9,
        0.0,
        pytest.approx(1 / 3),
    )
    assert (at[0.25].threshold, at[0.25].false_positives_per_scan) == (0.9, 0.0)
    assert (at[0.5].threshold, at[0.5].false_positives_per_scan, at[0.5].sensitivity) == (0.3, 0.5, 1.0)
    assert found.froc.mean_sensitivity == pytest.approx((1 / 3 * 2 + 5) / 7)
    assert at[1.0].sensitivity_by_size == {"< 10 mm": None, "10-20 mm": 1.0, "> 20 mm": None}


def test_what_inference_removes_for_its_volume_is_no_finding_at_any_threshold():
    found = curve(
        likely((A, 0.9, 2), (B, 0.8, 4), (C, 0.7, 2)), cube(B, 4) | cube(C, 2), ML, 0.03, removed_below_ml=1.0
    )
    plain = curve(likely((A, 0.9, 2), (B, 0.8, 4), (C, 0.7, 2)), cube(B, 4) | cube(C, 2), ML, 0.03)
    at = THRESHOLDS.index(0.6)
    assert (found.false[at], sum(counts[at] for counts in found.found.values())) == (0, 1)
    assert (plain.false[at], sum(counts[at] for counts in plain.found.values())) == (1, 2)
    assert found.lesions == plain.lesions


def test_at_every_threshold_the_counts_are_those_of_that_segmentation():
    rng = np.random.default_rng(7)
    for _ in range(5):
        steps = (rng.integers(0, 256, SHAPE) * (rng.random(SHAPE) < 0.1)).astype(np.uint8)
        steps[cube(B, 6)] = 200
        truth = cube(B, 5) | (rng.random(SHAPE) < 0.01)
        found = curve(steps, truth, ML, 0.1)
        for n, threshold in enumerate(THRESHOLDS):
            slow = detect(steps >= np.rint(threshold * STEPS), truth, ML, 0.1)
            assert found.false[n] == slow.false_positives
            assert {size: found.found[size][n] for size in SIZE_BINS_MM} == {
                s: f.found for s, f in slow.by_size.items()
            }
            assert found.lesions == {size: f.total for size, f in slow.by_size.items()}
        assert (found.score, found.present) == (steps.max() / STEPS, True)


def test_thresholds_rise_from_above_0_to_below_1_and_what_has_no_probability_is_found_at_none():
    assert THRESHOLDS[0] > 0
    assert THRESHOLDS[-1] < 1
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))
    found = curve(np.zeros(SHAPE, np.uint8), cube(A), ML, 0.1)
    assert (found.score, found.present, set(found.false)) == (0.0, True, {0})
    assert all(not any(counts) for counts in found.found.values())


SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=9)


@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_order(ill, well):
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in ill for b in well]
    assert auc(ill, well) == pytest.approx(sum(pairs) / len(pairs))
    assert auc(ill, well) == pytest.approx(1 - auc(well, ill))


def test_the_area_is_that_under_the_points():
    rng = np.random.default_rng(3)
    cases = [
        case(f"{n}", likely((A, float(rng.integers(1, 10)) / 10)), cube(A) if n % 3 else NOTHING) for n in range(12)
    ]
    roc = lesion_curves(cases)[0].roc
    x, y = np.array(roc.points).T
    assert roc.auc == pytest.approx(float(np.trapezoid(y, x)))
    assert roc.auc_95[0] <= roc.auc <= roc.auc_95[1]
    assert 0 <= roc.auc_95[0] < roc.auc_95[1] <= 1


def test_scans_of_one_patient_are_one_patient():
    cases = [
        case("a", likely((A, 0.2)), cube(A), "p"),
        case("b", likely((A, 0.8)), NOTHING, "p"),
        case("c", likely((A, 0.5)), NOTHING, "q"),
    ]
    roc = lesion_curves(cases)[0].roc
    assert (roc.diseased, roc.healthy, roc.auc, roc.auc_95) == (1, 1, 1.0, None)


def test_a_case_without_a_prediction_misses_its_lesions_and_is_no_scan():
    truth = Segmentation.from_masks({KEY: cube(A)}, AFFINE)
    found = lesion_curves([*CASES, missed_case(truth, (KEY,), case="lost")])[0]
    assert (found.cases, found.froc.lesions, found.froc.scans) == (5, 4, 4)
    assert max(found.froc.sensitivity) == 0.75
    assert (found.roc.diseased, found.roc.auc) == (3, pytest.approx(3.5 / 6))


def test_a_case_without_probabilities_is_told_and_in_no_curve():
    found = lesion_curves([*CASES, replace(CASES[0], case="none", curves={})])[0]
    assert (found.cases, found.without, found.froc.lesions) == (4, 1, 3)


def test_a_case_in_which_nobody_looked_for_the_lesion_is_not_missed_in_the_curves():
    truth = Segmentation.from_masks({"spleen": cube(D), KEY: cube(A) & False}, AFFINE, {"spleen"})
    found = Segmentation.from_masks({"spleen": cube(D), KEY: cube(A)}, AFFINE)
    curves = lesion_curves([*CASES, evaluate(found, truth, case="not looked for")])[0]
    assert (curves.cases, curves.without) == (4, 0)


def test_where_nothing_is_found_within_the_rate_there_is_no_threshold():
    cases = [case("a", likely((A, 1.0), (B, 1.0), (C, 1.0)), cube(D)), case("b", likely(), cube(D))]
    points = {point.rate: point for point in lesion_curves(cases)[0].froc.points}
    assert (points[1.0].threshold, points[1.0].sensitivity) == (None, 0.0)
    assert (points[2.0].threshold, points[2.0].sensitivity) == (None, 0.0)


def test_healthy_patients_alone_give_no_thresholds():
    found = lesion_curves([case("a", likely((A, 0.5)), NOTHING), case("b", likely((A, 0.2)), NOTHING)])[0]
    assert (found.roc.auc, found.froc.mean_sensitivity, found.froc.lesions) == (None, None, 0)
    told = {(point.threshold, point.sensitivity, point.false_positives_per_scan) for point in found.froc.points}
    assert told == {(None, None, None)}
    assert found.froc.false_positives_per_scan[0] == 1.0


def test_the_mean_lies_in_its_interval_and_everything_is_json():
    summary = summarise(CASES)
    (found,) = summary.curves
    low, high = found.froc.mean_sensitivity_95
    assert low <= found.froc.mean_sensitivity <= high
    told = json.loads(json.dumps([summary.to_json(), CASES[0].to_json()], allow_nan=False))
    assert [point["rate"] for point in told[0]["curves"][KEY]["froc"]["points"]] == list(RATES)
    assert told[1]["curves"][KEY]["score"] == pytest.approx(0.9, abs=1 / STEPS)


def test_sources_are_named_together():
    cases = [CASES[0], case("listed", likely((A, 0.5)), cube(A), source=LISTS)]
    assert lesion_curves(cases)[0].source == "probability maps and lesion lists"
