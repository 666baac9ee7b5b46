"""One step: what the loss is told, how far a step may go, and what is averaged."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from toy_run import changed, model, sampler

from omentum.anatomy import STRUCTURES
from omentum.train.distributed import join_processes
from omentum.train.learner import Learner
from omentum.train.losses.deep_supervision import root_balance
from omentum.train.losses.loss import partial_label_loss

SMALL = {"patch": (16, 16, 16), "weight_decay": 0.0, "optimiser": "sgd"}


def learner_of(loss=partial_label_loss, **values):
    config = changed(**{**SMALL, "lr": 1.0, **values})
    return Learner(model(config), sampler(config).sources, config, join_processes(config), loss)


def batches(learner, *groups):
    source = sampler(learner.config)
    return [source.batch(numbers) for numbers in groups]


def weights_of(learner):
    return torch.cat(
        [p.detach().flatten() for p in [*learner.model.parameters(), *learner.deep_supervision.parameters()]]
    )


def test_rare_structures_outweigh_others_less_and_less_as_the_rate_falls():
    """At the peak by root_balance, at half the rate by its root, at the end not at all."""
    told = []

    def listening(logits, targets, annotated, *weights):
        told.append(weights)
        return partial_label_loss(logits, targets, annotated, *weights)

    learner = learner_of(listening, balance=1.0)
    cases = [case for source in sampler(learner.config).sources for case in source.cases]
    full = root_balance(cases, STRUCTURES.keys)[1:].clamp(min=1)
    assert full.max() > 2
    for number, rate in enumerate((1.0, 0.5, 0.0)):
        learner.step(batches(learner, [0]), number, rate)
    (peak,), (half,), *rest = told
    assert torch.allclose(peak, full)
    assert torch.allclose(half, full.sqrt())
    assert all(torch.equal(weight, torch.ones(32)) for weights in rest for weight in weights)


def test_half_the_balance_is_the_root_of_it():
    told = []

    def listening(logits, targets, annotated, weights):
        told.append(weights)
        return partial_label_loss(logits, targets, annotated, weights)

    for balance in (1.0, 0.5):
        learner = learner_of(listening, balance=balance)
        learner.step(batches(learner, [0]), 0, 1.0)
    assert torch.allclose(told[0].sqrt(), told[1])


def test_without_balance_the_loss_is_told_of_no_weights():
    told = []

    def listening(*patch):
        told.append(len(patch))
        return partial_label_loss(*patch)

    learner = learner_of(listening, balance=0.0)
    learner.step(batches(learner, [0, 1]), 0, 1.0)
    assert told == [3, 3]


@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_no_step_of_plain_descent_is_longer_than_the_largest_norm_allows(rate):
    learner = learner_of(clip_norm=0.01)
    before = weights_of(learner)
    taken = learner.step(batches(learner, [0, 1]), 0, rate)
    assert taken.figures["gradient"] > 0.1  # what is told is the norm before
    assert (weights_of(learner) - before).norm().item() == pytest.approx(0.01 * rate, rel=0.01)


def test_a_gradient_within_the_largest_norm_is_left_as_it_is():
    """Clipped or not, its direction is the same; unclipped, the step is the gradient."""
    free, clipped = learner_of(clip_norm=math.inf, lr=1e-3), learner_of(clip_norm=0.01, lr=1e-3)
    before = weights_of(free)
    assert torch.equal(before, weights_of(clipped))
    norm = free.step(batches(free, [0, 1]), 0, 1.0).figures["gradient"].item()
    clipped.step(batches(clipped, [0, 1]), 0, 1.0)
    whole, short = weights_of(free) - before, weights_of(clipped) - before
    assert whole.norm().item() == pytest.approx(1e-3 * norm, rel=0.01)
    assert (
        torch.cosine_similarity(whole, short, dim=0) > 0.99
    )  # the short step is rounded to the weights it is added to


def test_parts_of_a_step_are_one_step():
    whole, parts = learner_of(clip_norm=math.inf, lr=1e-3), learner_of(clip_norm=math.inf, lr=1e-3)
    one = whole.step(batches(whole, [0, 1, 2, 3]), 0, 1.0)
    other = parts.step(batches(parts, [0, 1], [2, 3]), 0, 1.0)
    assert torch.allclose(weights_of(whole), weights_of(parts), atol=1e-6)
    for name, figure in one.figures.items():
        assert torch.allclose(figure, other.figures[name], rtol=1e-4), name


def test_the_average_moves_with_every_step_that_is_taken():
    learner = learner_of(clip_norm=1.0, lr=0.1)
    start = copy.deepcopy(learner.model.state_dict())
    learner.step(batches(learner, [0]), 0, 1.0)
    assert learner.average.updates == 1
    for name, mine in learner.average.model.state_dict().items():
        if mine.is_floating_point():
            expected = 2 / 11 * start[name] + 9 / 11 * learner.model.state_dict()[name]
            assert torch.allclose(mine, expected, atol=1e-6), name


def test_a_step_leaves_no_gradient_behind():
    learner = learner_of()
    learner.step(batches(learner, [0]), 0, 1.0)
    assert all(p.grad is None for p in [*learner.model.parameters(), *learner.deep_supervision.parameters()])
