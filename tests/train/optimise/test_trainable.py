import pytest
import torch
from torch import nn
from toy_run import changed, model, run

from omentum.errors import UsageError
from omentum.train.optimise.trainable import train_only


def test_only_the_named_parts_change(tmp_path):
    config = changed(trainable=("backbone.expand", "head"), steps=2)
    before = model(config).state_dict()
    after = run(config, tmp_path)[0].state_dict()
    moved = {name for name in before if not torch.allclose(before[name].half(), after[name].half(), atol=0)}
    parameters = {name for name, _ in model(config).named_parameters()}
    assert {name for name in parameters if name.startswith(("backbone.expand.", "head."))} == moved


def test_a_part_is_whole_components_of_a_name():
    network = nn.ModuleDict({"head": nn.Linear(2, 2), "header": nn.Linear(2, 2)})
    train_only(network, ["head"])
    assert [p.requires_grad for p in network["header"].parameters()] == [False, False]
    assert [p.requires_grad for p in network["head"].parameters()] == [True, True]


def test_an_unknown_part_is_named_with_those_there_are():
    with pytest.raises(UsageError, match=r"no part 'tail'.*backbone\.expand, .*head\.controller"):
        train_only(model(), ["head", "tail"])


def test_statistics_of_a_frozen_layer_stay():
    network = nn.Sequential(nn.BatchNorm3d(2), nn.Conv3d(2, 2, 1), nn.BatchNorm3d(2))
    train_only(network, ["2"])
    network(torch.randn(1, 2, 3, 3, 3))
    assert torch.equal(network[0].running_mean, torch.zeros(2))
    assert not torch.equal(network[2].running_mean, torch.zeros(2))
