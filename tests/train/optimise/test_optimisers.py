import pytest
import torch
from torch import nn
from toy_run import changed

from omentum.train.optimise.muon import Muon
from omentum.train.optimise.optimisers import PEAK, build_optimisers, set_rates


def network():
    return nn.Sequential(nn.Conv3d(4, 32, 3), nn.InstanceNorm3d(32, affine=True), nn.Conv3d(32, 2, 1))


@pytest.mark.parametrize("kind", ["muon", "adamw", "sgd"])
def test_every_weight_has_exactly_one_optimiser(kind):
    model, deep_supervision = network(), nn.Conv3d(64, 33, 1)
    optimisers = build_optimisers(model, deep_supervision, changed(optimiser=kind))
    found = [id(p) for o in optimisers.values() for group in o.param_groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in [*model.parameters(), *deep_supervision.parameters()])


def test_only_large_matrices_of_the_model_are_muons():
    model, deep_supervision = network(), nn.Conv3d(64, 33, 1)
    optimisers = build_optimisers(model, deep_supervision, changed(optimiser="muon"))
    assert isinstance(optimisers["matrices"], Muon)
    assert [p.shape for p in optimisers["matrices"].param_groups[0]["params"]] == [model[0].weight.shape]


def test_frozen_weights_are_left_alone():
    model = network()
    model[0].requires_grad_(False)
    (optimiser,) = build_optimisers(model, nn.Identity(), changed(optimiser="adamw")).values()
    assert len(optimiser.param_groups[0]["params"]) == 4


def test_rates_are_shares_of_their_peaks():
    optimisers = build_optimisers(network(), nn.Identity(), changed(optimiser="muon", lr=0.1, muon_lr=0.4))
    set_rates(optimisers.values(), 0.25)
    assert {name: o.param_groups[0]["lr"] for name, o in optimisers.items()} == {"matrices": 0.1, "others": 0.025}
    assert optimisers["matrices"].param_groups[0][PEAK] == 0.4


def test_sgd_has_momentum():
    weight = nn.Parameter(torch.zeros(1))
    (sgd,) = build_optimisers(nn.ParameterList([weight]), nn.Identity(), changed(optimiser="sgd", lr=1.0)).values()
    for _ in range(2):
        weight.grad = torch.ones(1)
        sgd.step()
    assert weight.item() == pytest.approx(-(1 + 1.9), abs=0.05)
