"""The average that a run is made for: how soon it follows, and what of a model it holds."""

from __future__ import annotations

from math import factorial

import pytest
import torch
from torch import nn

from omentum.train.optimise.average import AveragedModel


class Numbers(nn.Module):
    """One weight, one buffer of each kind."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), value))
        self.register_buffer("statistics", torch.full((2,), value))
        self.register_buffer("index", torch.arange(4))


def after(updates: int, decay: float) -> AveragedModel:
    """From 0, shown a model of 1 so many times: 1 minus the product of the decays."""
    average = AveragedModel(Numbers(0.0), decay)
    for _ in range(updates):
        average.update(Numbers(1.0))
    return average


@pytest.mark.parametrize("updates", [1, 2, 5, 50])
def test_a_young_average_forgets_where_it_started(updates):
    """The product of (1 + t) / (10 + t) over the updates t, written with factorials."""
    left = factorial(updates + 1) * factorial(10) / factorial(updates + 10)
    average = after(updates, decay=0.9999)
    assert average.model.weight[0].item() == pytest.approx(1 - left, abs=1e-5)
    assert average.updates == updates


def test_in_the_long_run_it_decays_as_asked():
    """(1 + t) / (10 + t) is above 0.5 from the ninth update on."""
    average = after(20, 0.5)
    for _ in range(3):
        average.update(Numbers(0.0))
    assert average.model.weight[0].item() == pytest.approx(1 / 8, abs=1e-4)


def test_statistics_are_averaged_with_the_weights_and_indices_kept():
    average = after(5, 0.9999)
    assert torch.equal(average.model.statistics, average.model.weight[:2])
    assert 0 < average.model.statistics[0] < 1
    assert torch.equal(average.model.index, torch.arange(4))


def test_the_average_is_another_model_that_nobody_trains():
    model = Numbers(2.0).train()
    average = AveragedModel(model, 0.9)
    with torch.no_grad():
        model.weight.zero_()
    assert (average.model.weight == 2).all()
    assert not average.model.training
    assert not average.model.weight.requires_grad
    assert model.training
    assert model.weight.requires_grad
