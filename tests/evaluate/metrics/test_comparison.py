from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from omentum.errors import UsageError
from omentum.evaluate import CaseScores, compare
from omentum.evaluate.metrics.case_scores import StructureScore
from omentum.evaluate.metrics.comparison import holm, rank_biserial
from omentum.evaluate.metrics.status import Status


def score(key, dice, hd95=None):
    status = Status.TRUE_NEGATIVE if dice is None else Status.EVALUATED
    return StructureScore(key, status, dice, None, None, None, 1.0, 1.0, nsd=dice, hd95_mm=hd95)


def cases(dices, key="liver", patients=None, hd95=None):
    patients = patients or [f"p{n}" for n in range(len(dices))]
    hd95 = hd95 or [None] * len(dices)
    return [
        CaseScores(f"c{n}", (score(key, dice, far),), patient=patient)
        for n, (dice, far, patient) in enumerate(zip(dices, hd95, patients, strict=True))
    ]


def dice_row(first, second):
    return next(row for row in compare(first, second).differences if row.metric == "dice")


FIRST = [0.9, 0.85, 0.7, 0.95, 0.6, 0.8, 0.88, 0.77, 0.65, 0.91]
SECOND = [0.88, 0.8, 0.71, 0.9, 0.5, 0.7, 0.85, 0.7, 0.6, 0.83]


def test_test_and_effect_are_those_of_the_paired_differences():
    row = dice_row(cases(FIRST), cases(SECOND))
    differences = np.subtract(FIRST, SECOND)
    assert row.p == pytest.approx(stats.wilcoxon(differences).pvalue)
    assert row.mean == pytest.approx(differences.mean())
    assert (row.first_better, row.second_better, row.patients) == (9, 1, 10)
    assert row.effect == pytest.approx(1 - 2 * 1 / 55)
    assert row.mean_95[0] < row.mean < row.mean_95[1]


def test_models_can_be_swapped():
    forth, back = dice_row(cases(FIRST), cases(SECOND)), dice_row(cases(SECOND), cases(FIRST))
    assert (forth.mean, forth.effect, forth.p) == pytest.approx((-back.mean, -back.effect, back.p))


def test_for_a_distance_less_is_better():
    rows = compare(cases(FIRST, hd95=[1.0] * 10), cases(FIRST, hd95=[2.0] * 10)).differences
    far = next(row for row in rows if row.metric == "hd95_mm")
    assert (far.first_better, far.effect, far.mean) == (10, 1.0, -1.0)


def test_equal_models_differ_by_nothing():
    row = dice_row(cases(FIRST), cases(FIRST))
    assert (row.p, row.effect, row.mean, row.first_better) == (1.0, None, 0.0, 0)


def test_scans_of_a_patient_are_one_difference():
    patients = ["a"] * 5 + ["b"] * 5
    row = dice_row(cases(FIRST, patients=patients), cases(SECOND, patients=patients))
    assert row.patients == 2
    assert row.p == 0.5


def test_a_case_where_either_has_no_number_is_left_out():
    row = dice_row(cases([0.9, None, 0.5]), cases([0.8, 0.0, None]))
    assert row.patients == 1


def test_cases_are_matched_by_name():
    assert compare(cases(FIRST)[::-1], cases(SECOND)[3:]).cases == 7
    with pytest.raises(UsageError, match="no case in common"):
        compare(cases(FIRST)[:2], cases(SECOND)[5:])


def test_holm_is_the_textbook_example():
    # Holm 1979: 0.01 * 4, 0.013 * 3, then never less than the one before.
    assert holm([0.04, 0.01, 0.03, 0.013]) == pytest.approx([0.06, 0.04, 0.06, 0.04])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_correction_is_over_structures_within_a_metric():
    both = [CaseScores(f"c{n}", (score("spleen", d), score("liver", d))) for n, d in enumerate(FIRST)]
    other = [CaseScores(f"c{n}", (score("spleen", d), score("liver", d))) for n, d in enumerate(SECOND)]
    rows = [row for row in compare(both, other).differences if row.metric == "dice"]
    assert [row.p_holm for row in rows] == pytest.approx([2 * row.p for row in rows])


def test_rank_biserial_runs_from_minus_one_to_one():
    assert rank_biserial(np.array([1.0, 2.0, 3.0])) == 1.0
    assert rank_biserial(np.array([-1.0, -2.0, 0.0])) == -1.0
    assert rank_biserial(np.array([1.0, -1.0])) == 0.0


def test_a_comparison_is_json():
    json.dumps(compare(cases(FIRST), cases(SECOND)).to_json(), allow_nan=False)


def test_means_are_over_what_both_were_judged_on_and_the_rest_is_named():
    first = [CaseScores("a", (score("liver", 0.5), score("spleen", 0.1), score("liver_tumour", None)))]
    second = [CaseScores("a", (score("pancreas", 1.0), score("liver", 0.7), score("liver_tumour", 0.4)))]
    found = compare(first, second)
    assert found.structures == ("liver", "liver_tumour")
    assert (found.only_first, found.only_second) == (("spleen",), ("pancreas",))
    assert [s.mean for s in found.organ_dice] == [0.5, 0.7]
    assert [s.mean for s in found.lesion_dice] == [None, 0.4]
