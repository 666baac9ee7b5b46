"""Convolutions over less than their kernel: the gradient of their weights, in bfloat16 on a processor."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from toy_run import changed, model, sampler

from omentum.train.distributed import join_processes
from omentum.train.learner import Learner
from omentum.train.small_convolutions import train_small_convolutions_in_float32

SMALL = [
    (nn.Conv3d(8, 8, 3, padding=1), (2, 2, 2)),
    (nn.Conv3d(8, 8, 3, padding=1), (2, 8, 8)),
    (nn.Conv3d(8, 8, 3, padding=1), (8, 8, 2)),
    (nn.Conv3d(8, 8, 3, padding=2, dilation=2), (4, 8, 8)),
    (nn.Conv3d(8, 8, 5, 2, padding=2), (4, 4, 4)),
    (nn.ConvTranspose3d(8, 8, 3, padding=1), (2, 2, 2)),
]
LARGE = [
    (nn.Conv3d(8, 8, 3, padding=1), (3, 3, 3)),
    (nn.Conv3d(8, 8, 3, 2, padding=1), (4, 4, 4)),
    (nn.Conv3d(8, 8, 1), (1, 1, 1)),
    (nn.ConvTranspose3d(8, 8, 2, 2), (2, 2, 2)),
]


def results(layer, size, *, autocast):
    """What comes out, and the gradients of weights and input, from numbers that bfloat16 holds exactly."""
    numbers = torch.Generator().manual_seed(3)
    x = torch.randn(2, 8, *size, generator=numbers).bfloat16().float().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        y = layer(x)
    y.backward(torch.randn(y.shape, generator=numbers).bfloat16().to(y.dtype))
    return y.detach(), layer.weight.grad.clone(), x.grad


@pytest.mark.parametrize(("plain", "size"), SMALL)
def test_a_kernel_larger_than_its_input_has_the_gradient_of_float32(plain, size):
    layer = copy.deepcopy(plain)
    train_small_convolutions_in_float32(layer)
    y, weights, inputs = results(layer, size, autocast=True)
    expected = results(plain, size, autocast=False)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, expected[0].bfloat16())
    assert torch.equal(weights, expected[1])
    assert torch.equal(inputs, expected[2])


@pytest.mark.parametrize(("plain", "size"), LARGE)
def test_others_compute_what_autocast_gives(plain, size):
    layer = copy.deepcopy(plain)
    train_small_convolutions_in_float32(layer)
    for one, other in zip(results(layer, size, autocast=True), results(plain, size, autocast=True), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.parametrize(("plain", "size"), SMALL)
def test_float32_stays_as_it_is(plain, size):
    layer = copy.deepcopy(plain)
    train_small_convolutions_in_float32(layer)
    for one, other in zip(results(layer, size, autocast=False), results(plain, size, autocast=False), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("recomputed", [False, True])
def test_a_run_on_the_smallest_patch_takes_the_same_steps_again(recomputed):
    """In bfloat16, as runs are by default; the network's deepest level has two voxels along each axis."""

    def trained():
        torch.manual_seed(0)
        config = changed(patch=(16, 16, 16), bf16=True, activation_checkpointing=recomputed)
        learner = Learner(model(config), sampler(config).sources, config, join_processes(config))
        source = sampler(config)
        taken = [learner.step([source.batch([n, n + 1])], n, 1.0).taken for n in range(2)]
        junk = [torch.full((1 << n,), torch.nan) for n in range(8, 20)]  # for what is read but never written
        del junk
        return taken, learner.model.state_dict()

    (taken, first), (again, second) = trained(), trained()
    assert all(taken)
    assert all(again)
    assert all(torch.equal(first[name], second[name]) for name in first)
