"""What every backbone promises, kept by each of them."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import KEYS, SMALL, small_model

from omentum.errors import CheckpointError
from omentum.model import BACKBONES
from omentum.model.backbones.recomputation import checkpoint_activations
from omentum.model.build import build_backbone
from omentum.model.universal import Backbone
from omentum.spec import ModelSpec

every_backbone = pytest.mark.parametrize("name", BACKBONES)


def small_backbone(name: str) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(ModelSpec(name, SMALL[name]))


def window(net: Backbone, batch: int = 1) -> torch.Tensor:
    """As small as it gets: sides the divisor promises, with deepest features of more than one voxel."""
    step = net.divisor
    return torch.rand(batch, 1, 2 * step, 2 * step, step, generator=torch.Generator().manual_seed(1))


@every_backbone
def test_features_have_the_promised_channels_and_resolutions(name):
    net = small_backbone(name)
    assert net.divisor in (4, 8, 16, 32)  # a network halves its input so many times
    x = window(net)
    with torch.no_grad():
        deep, decoded, coarse = net.stages(x)
        again = net(x)
    assert deep.shape[:2] == (1, net.deep_channels)
    assert decoded.shape == (1, net.decoded_channels, *x.shape[2:])
    assert tuple(feature.shape[1] for feature in coarse) == net.coarse_channels
    steps = [x.shape[2] // feature.shape[2] for feature in coarse]
    assert steps == sorted(steps, reverse=True)
    for feature, step in zip((deep, *coarse), (x.shape[2] // deep.shape[2], *steps), strict=True):
        assert 1 < step <= net.divisor
        assert tuple(feature.shape[2:]) == tuple(n // step for n in x.shape[2:])
    assert torch.equal(again[0], deep)
    assert torch.equal(again[1], decoded)


@every_backbone
def test_the_model_gives_a_map_per_class_and_a_subset_of_them(name):
    model = small_model(name)
    x = window(model.backbone)
    with torch.no_grad():
        logits = model(x)
        some = model(x, classes=[2, 0])
    assert logits.shape == (1, len(KEYS), *x.shape[2:])
    torch.testing.assert_close(some, logits[:, [2, 0]])


@every_backbone
def test_windows_that_share_a_batch_do_not_see_each_other(name):
    model = small_model(name)
    x = window(model.backbone, batch=2)
    x[1] *= 5
    with torch.no_grad():
        torch.testing.assert_close(model(x)[:1], model(x[:1]), atol=1e-4, rtol=1e-4)


@every_backbone
def test_no_statistic_outlives_a_window(name):
    net = small_backbone(name)
    x = window(net)
    with torch.no_grad():
        learning = net.train()(x)
        for trained, evaluated in zip(learning, net.eval()(x), strict=True):
            torch.testing.assert_close(trained, evaluated)


@every_backbone
def test_every_parameter_learns_and_recomputing_activations_changes_nothing_but_memory(name):
    net = small_backbone(name)
    x = window(net)
    frugal = copy.deepcopy(net)
    checkpoint_activations(frugal)
    assert frugal.state_dict().keys() == net.state_dict().keys()
    kept, kept_frugal = backward(net, x), backward(frugal, x)
    for (parameter, p), q in zip(net.named_parameters(), frugal.parameters(), strict=True):
        assert p.grad is not None, parameter
        assert p.grad.isfinite().all(), parameter
        torch.testing.assert_close(q.grad, p.grad, msg=parameter)
    assert kept_frugal < 0.8 * kept
    assert_a_copy_is_independent(frugal, x)


def backward(net: Backbone, x: torch.Tensor) -> int:
    """Gradients of deep and decoded features; returns the bytes kept for them between forward and backward."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        deep, decoded = net(x)
        loss = deep.square().mean() + decoded.square().mean()
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    total = sum(size for place, size in kept.items() if place not in own)
    loss.backward()
    return total


def assert_a_copy_is_independent(net: Backbone, x: torch.Tensor) -> None:
    """The running average of the weights is a copy that must not compute with the original's."""
    average = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in average.parameters():
            parameter.zero_()
        assert average(x)[1].abs().max() < net(x)[1].abs().max()


def test_no_backbone_is_left_out_of_the_tests():
    assert SMALL.keys() == BACKBONES.keys()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("unetpp", {"features": [8, 8]}, "features are 6 numbers, got 2"),
        ("dints", {"blocks": ["11"]}, "lines of 10 characters"),
        ("dints", {"blocks": ["1111111119"]}, "each one of -01234"),
        ("dints", {"blocks": ["1---------", "1111111111"]}, "must be read by the next block"),
        ("dints", {"blocks": ["1---------"]}, "must reach the deepest level"),
        ("segresnet", {"blocks_up": [1]}, "one level fewer than blocks_down"),
        ("segresnet", {"width": 12}, "impossible parameters"),
        ("dynunet", {"filters": [8, 8]}, "at least 3 numbers, got 2"),
        ("mednext", {"size": "XXL"}, "impossible parameters for the network 'mednext'"),
        ("mednext", {"size": 3}, "impossible parameters for the network 'mednext'"),
        ("mednext", {"depth": 3}, "impossible parameters for the network 'mednext'"),
    ],
)
def test_impossible_parameters_are_refused(name, parameters, message):
    with pytest.raises(CheckpointError, match=message):
        build_backbone(ModelSpec(name, parameters))
