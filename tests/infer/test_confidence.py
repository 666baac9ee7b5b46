"""The sums are those of the obvious way, whatever the slabs; agreement is seen where windows overlap."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.infer.confidence import PROBABILITY_STEPS, Tally, WindowAgreement
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.stream import pack_slabs
from omentum.infer.windows import plan_windows
from omentum.preprocess.resample import sample_along

from .test_stream import axes_of, random_logits, slabs_of

SHAPE, FINE = (5, 6, 40), (10, 12, 80)
AXES = axes_of(SHAPE, (0.5,) * 3, (0.0,) * 3, FINE)
"""Every second position is half-way between two voxels: interpolation is exact."""


def tallied(logits, cuts, mapped=()):
    tally = Tally(len(logits), mapped)
    whole = np.zeros(FINE, np.uint8)
    for part in pack_slabs(slabs_of(logits, cuts), AXES, sample_along, tally):
        if part.probability is not None:
            where, likeliest = part.probability
            whole[where] = likeliest
    return tally, whole


def interpolated(logits):
    values = logits
    for axis, positions in enumerate(AXES):
        values = sample_along(values, axis + 1, np.clip(positions.centres, 0, positions.length - 1))
    inside = AXES[2].inside()
    return values[:, AXES[0].inside(), AXES[1].inside(), inside].numpy(), inside


@given(st.integers(0, 30), st.lists(st.integers(1, 39), max_size=4).map(sorted))
def test_sums_do_not_depend_on_slabs(seed, cuts):
    logits = random_logits(seed, 3, SHAPE)
    (one, whole), (other, pieces) = tallied(logits, [], {0, 2}), tallied(logits, cuts, {0, 2})
    for name in ("voxels", "probability", "unsure"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(whole, pieces)


def test_sums_are_those_of_the_obvious_way():
    logits = random_logits(3, 3, SHAPE) * 2
    tally, likeliest = tallied(logits, [7, 20], {0, 2})
    values, _ = interpolated(logits)
    inside = values > 0
    np.testing.assert_array_equal(tally.voxels, inside.sum(axis=(1, 2, 3)))
    np.testing.assert_array_equal(tally.unsure, (inside & (values < 1)).sum(axis=(1, 2, 3)))
    probability = 1 / (1 + np.exp(-values.astype(np.float64)))
    for k, mean in enumerate(tally.mean_probability()):
        assert mean == pytest.approx(probability[k][inside[k]].mean(), abs=0.5 / PROBABILITY_STEPS)
    expected = np.where(inside, probability, 0)[[0, 2]].max(axis=0) * PROBABILITY_STEPS
    np.testing.assert_allclose(likeliest[: expected.shape[0], : expected.shape[1]], expected, atol=0.51)


def test_without_a_voxel_there_is_nothing_to_tell():
    tally, likeliest = tallied(torch.full((2, *SHAPE), -1.0), [], {0})
    assert np.isnan(tally.mean_probability()).all()
    assert np.isnan(tally.unsure_share()).all()
    assert not likeliest.any()


def agreement_of(predict):
    plan, agreement = plan_windows((24, 24, 24), (16, 16, 16), 0.5), WindowAgreement()
    image = torch.randn((24, 24, 24), generator=torch.Generator().manual_seed(0))
    for _ in sliding_slabs(image, predict, plan, WindowRun(batch=3), agreement):
        pass
    return agreement


def test_a_model_that_sees_voxels_alone_agrees_with_itself():
    agreement = agreement_of(lambda windows: torch.cat([windows, -windows], dim=1))
    np.testing.assert_array_equal(agreement.disagreement(), [0.0, 0.0])
    assert agreement.both.min() > 1000


def test_a_model_that_goes_by_the_place_in_the_window_does_not():
    def lower_half(windows):
        place = torch.linspace(1, -1, 16).expand_as(windows)
        return torch.cat([place, torch.full_like(place, -1.0)], dim=1)

    agreement = agreement_of(lower_half)
    assert agreement.disagreement()[0] > 0.3
    assert np.isnan(agreement.disagreement()[1])


def test_one_window_has_nobody_to_agree_with():
    plan, agreement = plan_windows((8, 8, 8), (16, 16, 16), 0.5), WindowAgreement()
    list(sliding_slabs(torch.zeros((8, 8, 8)), lambda windows: windows + 1, plan, None, agreement))
    assert np.isnan(agreement.disagreement()).all()
