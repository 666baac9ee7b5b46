"""Only annotated classes, only near the organ; and what changes in the course of a run."""

import pytest
import torch
from second_pass_run import config_in
from small_models import small_model

from omentum.train.second_pass.crops import Crop
from omentum.train.second_pass.learner import SecondPassLearner, auxiliary_weight, positive_weight_cap
from omentum.train.second_pass.loss import crop_loss
from omentum.train.second_pass.network import new_network

CPU = torch.device("cpu")


def crop_of(channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.zeros(len(channels), 16, 16, 16, dtype=torch.bool)
    truth[:, 4:7, 4:7, 4:7] = True
    near = torch.zeros(16, 16, 16, dtype=torch.bool)
    near[:10] = True
    return Crop("toy", channels, torch.rand(2, 16, 16, 16, generator=generator), truth, near)


def learner_in(tmp_path, **changes):
    config = config_in(tmp_path, **changes)
    torch.manual_seed(0)
    first = small_model("residual_unet")
    return SecondPassLearner(new_network(config, first, ("liver_tumour", "spleen")), config, CPU)


@pytest.fixture
def step_without_update(monkeypatch, tmp_path):
    """Gradients of one crop, before the optimisers take them."""
    learner = learner_in(tmp_path)
    monkeypatch.setattr(learner.optimisers["kernels"], "step", lambda: None)
    monkeypatch.setattr(learner.optimisers["others"], "step", lambda: None)
    for optimiser in learner.optimisers.values():
        monkeypatch.setattr(optimiser, "zero_grad", lambda set_to_none: None)
    return learner


def test_a_class_that_is_not_annotated_has_no_gradient(step_without_update):
    learner = step_without_update
    learner.network.text_embeddings.requires_grad_(True)
    taken = learner.step([crop_of((0,))], 0)
    assert taken.dice.keys() == {0}
    for gradient in (learner.auxiliary.convolution.weight.grad, learner.network.text_embeddings.grad):
        assert gradient[0].abs().sum() > 0
        assert (gradient[1] == 0).all()


def test_voxels_far_from_the_organ_have_no_loss():
    logits = torch.randn(2, 16, 16, 16, requires_grad=True)
    crop = crop_of((0, 1))
    crop_loss(logits, crop.truth, crop.near, 10.0).total.backward()
    assert (logits.grad[:, ~crop.near] == 0).all()
    assert (logits.grad[:, crop.near] != 0).all()
    nowhere = crop_loss(logits, crop.truth, torch.zeros_like(crop.near), 10.0)
    assert nowhere.total == 0


def test_rare_voxels_count_more_and_dice_only_where_something_is():
    crop = crop_of((0, 1))
    crop.truth[1] = False
    logits = torch.zeros(2, 16, 16, 16)
    capped, plain = (crop_loss(logits, crop.truth, crop.near, cap) for cap in (10.0, 1.0))
    assert capped.present.tolist() == [True, False]
    share = float(crop.truth[0][crop.near].float().mean())
    assert float(plain.cross_entropy) == pytest.approx(0.6931, abs=1e-3)
    expected = 0.6931 * (1 + share * (min(10.0, share**-0.5) - 1) / 2)
    assert float(capped.cross_entropy) == pytest.approx(expected, abs=1e-3)
    perfect = crop_loss((crop.truth.float() - 0.5) * 100, crop.truth, crop.near, 10.0)
    assert float(perfect.total) == pytest.approx(0, abs=1e-4)


def test_muon_has_the_kernels_of_the_backbone(tmp_path):
    learner = learner_in(tmp_path)
    muon, adam = (
        {id(p) for group in learner.optimisers[name].param_groups for p in group["params"]}
        for name in ("kernels", "others")
    )
    named = dict(learner.network.named_parameters())
    assert {n for n, p in named.items() if id(p) in muon} == {
        n for n in named if "conv" in n or (".skip." in n and n.startswith("backbone"))
    }
    assert {id(p) for p in (*named.values(), *learner.auxiliary.parameters())} == muon | adam


def test_a_step_learns_and_one_that_is_not_finite_changes_nothing(tmp_path):
    learner = learner_in(tmp_path, lr=1e-2, warmup_steps=0)
    crops = [crop_of((0, 1)), crop_of((1,), seed=1)]
    losses = [learner.step(crops, 0).figures["loss"] for _ in range(8)]
    assert losses[-1] < losses[0] - 0.1
    before = {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}
    broken = crop_of((0,))
    broken.image[0, 3, 3, 3] = float("nan")
    assert not learner.step([broken], 3).taken
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.network.state_dict().items())


def test_weights_fall_in_the_course_of_a_run():
    assert [round(positive_weight_cap(10.0, share), 2) for share in (0, 0.5, 0.7, 0.9, 1)] == [10, 10, 5.5, 1, 1]
    assert [round(auxiliary_weight(0.5, share), 3) for share in (0, 0.4, 0.8, 1)] == [0.55, 0.3, 0.05, 0.05]
    assert auxiliary_weight(0.0, 0.0) == 0
