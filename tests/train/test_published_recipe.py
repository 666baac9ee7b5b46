"""The preset `published` against the published training, written a second time in tests/reference."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from small_models import SMALL
from toy_cases import toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.model import build
from omentum.train import fresh_model
from omentum.train.config.toml_file import load_config
from omentum.train.distributed import join_processes
from omentum.train.learner import Learner
from omentum.train.losses.patch_loss import configured_loss, voxel_subsample
from omentum.train.optimise.optimisers import build_optimisers
from omentum.train.optimise.schedule import rate_share
from reference import published_training as theirs

KEYS = STRUCTURES.keys
WORDS = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
EPOCH = 275


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: WORDS[: len(prompts)])


def published(**changes):
    return load_config("published", changes, ["."])


def small(**changes):
    return published(backbone="unet", parameters=SMALL["unet"], patch=[16, 16, 16], **changes)


def test_the_network_and_its_grid():
    config = published()
    assert (config.backbone, config.parameters) == ("swin_unetr", {"feature_size": 48, "patch_merging": "legacy"})
    assert (config.spacing_mm, config.window_hu, config.patch) == ((1.5,) * 3, (-175.0, 250.0), (96,) * 3)
    assert config.preprocess.antialias is False
    assert config.text_encoder == "openai/clip-vit-base-patch32"


def test_nothing_but_what_was_published():
    config = published()
    assert (config.head_weight, config.deep_supervision_weight, config.balance, config.ema_decay) == (1, 0, 0, 0)
    assert (config.subsample_factor, config.bf16, config.clip_norm) == (1, False, float("inf"))
    assert (config.batch, config.patches_per_case) == (32, 4)


def test_it_turns_shifts_and_zooms_the_decathlons_cases_only():
    config = published()
    changed = {name: v for name, v in vars(config.augmentation).items() if v != getattr(NONE, name)}
    assert changed == {"quarter_turn": 0.1, "intensity_shift": (0.2, 0.1)}
    zoomed = {key for key, own in config.datasets.items() if own.magnify == (0.3, 1.3, 1.5)}
    assert zoomed == {"msd-liver", "msd-lung", "msd-pancreas", "msd-hepatic-vessel", "msd-spleen", "msd-colon"}
    assert {key for key, own in config.datasets.items() if own.magnify} == zoomed


def test_two_in_three_patches_show_something_and_five_in_seven_a_lesion_where_it_matters():
    config = published()
    assert config.centres == (1, 2)
    own = {key: own.centres for key, own in config.datasets.items() if own.centres}
    assert own == dict.fromkeys(("lits", "msd-liver", "msd-pancreas", "msd-hepatic-vessel"), (1, 1, 5))
    assert config.temperature == float("inf")


def test_the_rate_of_every_epoch():
    config = published()
    expected = theirs.rates()
    assert [expected[epoch] for epoch in (0, 99, 1049, 1999)] == pytest.approx([1.0101e-6, 1e-4, 5e-5, 0], abs=1e-9)
    assert config.steps == 1999 * EPOCH  # what is left out has the rate 0
    for epoch in range(1999):
        for step in (epoch * EPOCH, epoch * EPOCH + EPOCH - 1):
            assert config.lr * rate_share(config, step) == pytest.approx(expected[epoch], rel=1e-9, abs=1e-15), epoch


def test_one_adamw_for_all_weights():
    config = small()
    model = fresh_model.new_model(config)
    (adamw,) = build_optimisers(model, torch.nn.Identity(), config).values()
    (group,) = adamw.param_groups
    assert type(adamw) is torch.optim.AdamW
    assert (group["lr"], group["weight_decay"], group["betas"], group["eps"]) == (1e-4, 1e-5, (0.9, 0.999), 1e-8)
    assert len(group["params"]) == len(list(model.parameters()))


def test_the_first_weights_are_those_of_the_layers():
    config = small()
    torch.manual_seed(3)
    model = fresh_model.new_model(config)
    torch.manual_seed(3)
    plain = build(model.spec, WORDS)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_dice_has_as_many_planes_as_are_learned_from():
    target = torch.zeros(16, 16, 16, dtype=torch.bool)
    target[4:12, 4:12, 4:12] = True
    for share in (1, 2, 4, 8):
        seen = target[voxel_subsample(0, share)]
        z, t = torch.where(seen, 40.0, -40.0).reshape(1, 1, -1), seen.reshape(1, 1, -1)
        _, _, dice = configured_loss(small(subsample_factor=share))(z, t, torch.ones(1, 1, dtype=torch.bool))
        assert dice.item() == pytest.approx(0.5, abs=0.05), share  # half of the planes have nothing of it


def partly_labelled():
    """Two CTs of one site that looked for different things; none of them has a spleen."""
    with_tumour, without_liver = toy_case(0), toy_case(1)
    with_tumour.annotated[KEYS.index("spleen")] = True
    kept = [KEYS.index(key) for key in ("right_kidney", "left_kidney")]
    unlabelled = ~np.isin(np.arange(len(KEYS)), kept)
    sets = without_liver.sets & ~unlabelled
    voxels = {k: n for k, n in without_liver.voxels.items() if k in kept}
    fewer = dataclasses.replace(
        without_liver, annotated=without_liver.annotated & ~unlabelled, sets=sets, voxels=voxels
    )
    return with_tumour, fewer


def batch_of(config):
    source = PatchSource("site", partly_labelled(), centres=config.centres)
    sampler = PatchSampler(
        (source,), KEYS, config.patch, config.window_hu, config.augmentation, patches_per_case=4, seed=1
    )
    numbers = range(8)
    batch = sampler.batch(numbers)
    assert len(set(batch.names[:4])) == len(set(batch.names[4:])) == 1
    assert batch.names[0] != batch.names[4], "the test needs both cases"
    return dataclasses.replace(batch, images=batch.images.double())


def masks_of(batch):
    """bool [B, K, X, Y, Z]."""
    return batch.truth.masks().transpose(0, 1)


@pytest.mark.parametrize(("dice", "decay"), [("slabs", 1e-5), ("annotated", 0.1)])
def test_steps_change_the_weights_as_the_published_training_does(dice, decay):
    config = small(dice=dice, weight_decay=decay)
    batch = batch_of(config)
    masks = masks_of(batch)
    there = masks.flatten(2).any(2)
    assert (batch.annotated & there).any()
    assert (batch.annotated & ~there).any()
    model = fresh_model.new_model(config).double()
    ours = Learner(model, (), config, join_processes(config))
    assert not any(p.requires_grad for p in ours.deep_supervision.parameters())
    network = copy.deepcopy(model)
    weights = dict(network.named_parameters())
    adamw = theirs.AdamW([w.detach().clone() for w in weights.values()], decay)
    for step in (0, EPOCH, 99 * EPOCH, 1000 * EPOCH):
        before = [w.clone() for w in adamw.weights]
        taken = ours.step([batch], step, rate_share(config, step))

        logits = network(batch.images)
        gpus = [
            theirs.loss_of_a_ct(logits[n : n + 4], masks[n : n + 4], batch.annotated[n], dice == "slabs")
            for n in (0, 4)
        ]
        loss, entropy, overlap = (sum(part) / 2 for part in zip(*gpus, strict=True))
        rate = theirs.rates()[step // EPOCH]
        adamw.step(torch.autograd.grad(loss, list(weights.values())), rate)

        for figure, value in (("loss", loss), ("cross_entropy", entropy), ("dice_loss", overlap)):
            assert taken.figures[figure].item() == pytest.approx(value.item(), rel=1e-5), figure
        for (name, mine), old, new in zip(model.named_parameters(), before, adamw.weights, strict=True):
            assert (mine - new).abs().max() < 1e-3 * rate, name
            weights[name].data.copy_(new)
            assert ((new - old).abs().max() > 0.1 * rate) or "bias" in name, name
    # The result of a run is the network itself, not an average of it.
    for name, tensor in ours.average.model.named_parameters():
        assert torch.equal(tensor, dict(model.named_parameters())[name])
