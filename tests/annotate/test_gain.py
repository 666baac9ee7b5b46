"""Evidence and the order of the worklist, on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.annotate.propose.evidence import PredictedView, agreement, attention, entropy_bits, gather
from omentum.annotate.propose.gain import DISTRUSTED, FAILURE_DICE, MISSED, Suggestion, expect
from omentum.evaluate.metrics.overlap import dice

SHAPE = (6, 5, 8)


def ball(p: float = 0.98, size: int = 4) -> PredictedView:
    mask = np.zeros(SHAPE, bool)
    mask[1 : 1 + size, 1:4, 2:6] = True
    return PredictedView(mask, np.where(mask, p, 0).astype(np.float32))


def of(*views: PredictedView):
    return gather(views[0].mask, views, axis=2)


def expected(*views: PredictedView, score: float | None = 1.0, overlooked: float = 0.0):
    return expect(of(*views), score, overlooked=overlooked, pixel_cm2=0.1)


def test_views_that_agree_and_are_sure_are_to_be_accepted():
    sure = expected(ball(0.995), ball(0.995))
    assert sure.dice > 0.98
    assert sure.suggestion is Suggestion.ACCEPT


def test_disagreement_doubt_and_a_low_score_each_make_a_correction_worth_more():
    sure = expected(ball(0.99), ball(0.99))
    doubts = [
        expected(ball(0.99), ball(0.99, size=2)),
        expected(ball(0.7), ball(0.7)),
        expected(ball(0.99), ball(0.99), score=0.3),
    ]
    for doubted in doubts:
        assert doubted.gain > sure.gain
        assert doubted.changed_voxels > sure.changed_voxels
        assert doubted.priority > sure.priority


def test_of_two_with_the_same_gain_the_quicker_one_comes_first():
    evidence = of(ball(0.8))
    small, large = (expect(evidence, 1.0, overlooked=0.0, pixel_cm2=cm2) for cm2 in (0.05, 5.0))
    assert small.gain == large.gain
    assert small.effort_s < large.effort_s
    assert small.priority > large.priority


def test_a_failure_is_expected_to_be_one():
    assert expected(ball(0.99), score=0.0).dice == FAILURE_DICE


def test_what_was_not_found_is_there_as_often_as_the_model_overlooks_it():
    nothing = PredictedView(np.zeros(SHAPE, bool), np.zeros(SHAPE, np.float32))
    assert expected(nothing, score=None).dice == 1.0
    assert expected(nothing, score=None, overlooked=MISSED).dice == 1 - MISSED
    faint = PredictedView(nothing.mask, np.full(SHAPE, 0.4, np.float32))
    assert expected(faint, score=None, overlooked=DISTRUSTED).dice == pytest.approx(0.6)


def test_wrong_voxels_are_counted_along_the_slices():
    view = ball(0.75)
    found = of(view)
    inside = view.mask.sum(axis=(0, 1))
    assert found.wrong_by_slice == pytest.approx(0.25 * inside)
    assert found.wrong_voxels == pytest.approx(0.25 * view.mask.sum())
    assert found.mean_entropy == pytest.approx(entropy_bits(np.array([0.75]))[0])


def test_agreement_of_empty_masks():
    empty, full = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    assert agreement([empty, empty]) == 1.0
    assert agreement([empty, full]) == 0.0
    assert agreement([full]) is None
    assert dice(full, full) == 1.0


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=5))
def test_attention_is_zero_only_where_all_are_sure_of_the_same(ps: list[float]):
    views = [PredictedView(np.ones((1, 1, 1), bool), np.full((1, 1, 1), p, np.float32)) for p in ps]
    found = float(attention(views)[0, 0, 0])
    assert found >= 0
    assert (found < 1e-3) == (max(ps) < 1e-4 or min(ps) > 1 - 1e-4)
