from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.evaluate.metrics.bootstrap import Bootstrap, interval_95, mean_of_means
from omentum.evaluate.metrics.statistics import Observation, statistics


def interval_of(values, patients):
    return interval_95(Bootstrap(patients).means(values, patients), len(set(patients)))


def test_the_interval_of_many_patients_is_the_textbook_one():
    rng = np.random.default_rng(4)
    values = rng.normal(0.8, 0.1, 400)
    low, high = interval_of(values, [str(n) for n in range(400)])
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_scans_of_one_patient_are_drawn_together():
    values = [0.2] * 50 + [0.8] * 50
    assert interval_of(values, ["a"] * 50 + ["b"] * 50) == pytest.approx((0.2, 0.8))
    low, high = interval_of(values, [str(n) for n in range(100)])
    assert high - low < 0.2


def test_one_patient_says_nothing_of_others():
    assert interval_of([0.4, 0.6], ["a", "a"]) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.randoms())
def test_the_order_of_cases_does_not_matter(values, random):
    cases = [(value, f"p{n % 5}") for n, value in enumerate(values)]
    expected = interval_of(*zip(*cases, strict=True))
    random.shuffle(cases)
    assert interval_of(*zip(*cases, strict=True)) == pytest.approx(expected)


def test_a_structure_that_a_draw_lacks_is_left_out_of_its_headline():
    one, other = np.array([0.2, np.nan, np.nan]), np.array([0.4, 0.6, np.nan])
    np.testing.assert_allclose(mean_of_means([np.resize(one, 2000), np.resize(other, 2000)])[:3], [0.3, 0.6, np.nan])


def test_percentiles_of_a_hundred_and_one_are_read_off():
    found = statistics([Observation(n / 100) for n in range(101)])
    assert (found.percentile_5, found.median, found.percentile_95) == pytest.approx((0.05, 0.5, 0.95))
    assert found.mean_95 is None


def test_nothing_known_is_summed_up_as_nothing():
    found = statistics([Observation(None, "a")])
    assert (found.n, found.mean, found.median, found.percentile_5) == (0, None, None, None)


def test_penalties_are_counted_and_the_mean_without_them_given():
    found = statistics([Observation(1.0, "a"), Observation(0.0, "b", missed=True), Observation(None, "c")])
    assert (found.n, found.n_penalised, found.mean, found.mean_detected_only) == (2, 1, 0.5, 1.0)
    nothing_else = statistics([Observation(0.0, missed=True)])
    assert (nothing_else.mean, nothing_else.mean_detected_only) == (0.0, None)
