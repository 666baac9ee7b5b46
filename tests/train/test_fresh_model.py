import pytest
import torch

from omentum.errors import CheckpointError, UsageError
from omentum.train import loop
from omentum.train.run_folder import RESULT_FILE
from toy_run import CONFIG, changed, model, run


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return folder / RESULT_FILE, run(changed(steps=2, patch=(16, 16, 16)), folder)[0]


def test_a_run_can_start_from_another_checkpoint(first):
    path, trained = first
    fresh = model(changed(init=str(path)))
    for part in ("backbone", "head"):
        for name, tensor in getattr(fresh, part).state_dict().items():
            assert torch.equal(tensor, getattr(trained, part).state_dict()[name]), name


def test_a_run_can_start_from_parts_of_another_checkpoint(first):
    path, trained = first
    fresh = model(changed(init=str(path), init_parts=("backbone",), seed=1))
    assert torch.equal(fresh.backbone.expand.weight, trained.backbone.expand.weight)
    assert torch.equal(fresh.head.controller.weight, model(changed(seed=1)).head.controller.weight)


def test_parts_to_start_from_that_there_are_not_are_named(first):
    with pytest.raises(UsageError, match="init_parts: the network has no part 'backbones'"):
        model(changed(init=str(first[0]), init_parts=("backbones",)))


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_a_checkpoint_of_another_shape_is_refused(first):
    wider = {**CONFIG.parameters, "widths": [8, 32, 32]}
    with pytest.raises(CheckpointError, match="not weights for"):
        model(changed(parameters=wider, init=str(first[0])))


def test_the_same_seed_makes_the_same_model():
    assert loop.new_model is not None
    one, other, third = model(), model(), model(changed(seed=1))
    assert torch.equal(one.head.controller.weight, other.head.controller.weight)
    assert not torch.equal(one.head.controller.weight, third.head.controller.weight)
