"""Worked examples, computed by hand and by other tools; see `definitions` in metric_cases.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from omentum.evaluate import Rules, evaluate
from omentum.evaluate.metrics.detection import detect
from omentum.evaluate.metrics.patients import patient_table
from omentum.evaluate.metrics.statistics import Observation, statistics
from omentum.evaluate.metrics.status import status
from omentum.evaluate.metrics.tolerances import Tolerance
from omentum.segmentation import Segmentation

CASES = json.loads((Path(__file__).parent / "metric_cases.json").read_text())
LESION_CASES = [c for c in CASES["detection"] if "table" not in c]
PATIENT_CASES = [c for c in CASES["detection"] if "table" in c]


def boxes(shape, ranges):
    mask = np.zeros(shape, bool)
    for x0, x1, y0, y1, z0, z1 in ranges:
        mask[x0:x1, y0:y1, z0:z1] = True
    return mask


def by_id(case):
    return case["id"]


@pytest.mark.parametrize("case", CASES["cases"], ids=by_id)
def test_status_overlap_and_distances(case):
    affine = np.diag([*case["spacing"], 1])
    annotated = ["liver"] if case.get("annotated", True) else []
    ref = Segmentation.from_masks({"liver": boxes(case["shape"], case["ref"])}, affine, annotated)
    pred = Segmentation.from_masks({"liver": boxes(case["shape"], case["pred"])}, affine)
    rules = Rules({"liver": Tolerance(case["tolerance_mm"], "the case")})
    score, expected = evaluate(pred, ref, rules=rules)["liver"], case["expected"]
    assert score.status == expected["status"]
    assert score.dice == (expected["dice"] if expected["dice"] is None else pytest.approx(expected["dice"]))
    assert score.predicted_ml == pytest.approx(expected.get("pred_ml", score.predicted_ml))
    assert score.reference_ml == pytest.approx(expected.get("ref_ml", score.reference_ml))
    fields = {"nsd": "nsd", "hd": "hd_mm", "hd95": "hd95_mm", "assd": "assd_mm"}
    for name in fields.keys() & set(case["convention_independent"]):
        value = expected[name]
        assert getattr(score, fields[name]) == (value if value is None else pytest.approx(value, rel=1e-6)), name


@pytest.mark.parametrize("case", LESION_CASES, ids=by_id)
def test_lesions(case):
    pred, ref = (boxes(case["shape"], case[name]) for name in ("pred", "ref"))
    found = detect(pred, ref, float(np.prod(case["spacing"])) / 1000)
    names = {
        "tp": "true_positives",
        "fn": "false_negatives",
        "fp": "false_positives",
        "n_ref": "reference_lesions",
        "n_pred": "predicted_lesions",
    }
    for name, value in case["expected"].items():
        assert getattr(found, names.get(name, name)) == pytest.approx(value), name


@pytest.mark.parametrize("case", PATIENT_CASES, ids=by_id)
def test_patients(case):
    rows = [
        status(annotated=ref is not None, predicted_voxels=pred, reference_voxels=ref or 0)
        for _, ref, pred in case["table"]
    ]
    table = patient_table(rows)
    names = {
        "tp": "true_positives",
        "fn": "false_negatives",
        "tn": "true_negatives",
        "fp": "false_positives",
        "n": "patients",
        "sensitivity_wilson95": "sensitivity_95",
        "specificity_wilson95": "specificity_95",
    }
    for name, value in case["expected"].items():
        expected = value if value is None else pytest.approx(value, abs=1e-4)
        assert getattr(table, names.get(name, name)) == expected, name


@pytest.mark.parametrize("case", [c for c in CASES["aggregation"] if "per_case" in c], ids=by_id)
def test_numbers_that_do_not_exist_are_left_out_of_means(case):
    found = statistics(map(Observation, case["per_case"]))
    mean = case["expected"]["mean"]
    assert found.mean == (mean if mean is None else pytest.approx(mean))
    assert found.n == case["expected"]["n"]


def test_a_miss_costs_the_diagonal_and_both_means_are_told():
    (case,) = (c for c in CASES["aggregation"] if c["id"] == "hd95_penalty")
    diagonal = case["image_diagonal_mm"]
    rows = [Observation(diagonal, missed=True) if v == "missed" else Observation(v) for v in case["per_case_hd95"]]
    found, expected = statistics(rows), case["expected"]
    assert (found.n, found.n_penalised) == (expected["n"], expected["n_penalised"])
    assert (found.mean, found.mean_detected_only) == pytest.approx((expected["mean"], expected["mean_detected_only"]))


def test_the_headline_is_the_mean_of_structures_never_of_the_pool():
    (case,) = (c for c in CASES["aggregation"] if c["id"] == "class_then_mean")
    means = [statistics(map(Observation, values)).mean for values in case["per_class"].values()]
    assert statistics(map(Observation, means)).mean == pytest.approx(case["expected"]["mean_of_classes"])
