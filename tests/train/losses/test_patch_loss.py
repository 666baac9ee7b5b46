"""What a batch's losses are made of."""

import numpy as np
import pytest
import torch
from toy_run import changed, model, run, sampler

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.train.losses.deep_supervision import DeepSupervision
from omentum.train.losses.loss import partial_label_loss
from omentum.train.losses.patch_loss import PatchLoss, class_subset, voxel_subsample

KEYS = STRUCTURES.keys


def losses(**values):
    """Figures of two toy patches, and the network they are of."""
    config = changed(**values)
    network = model(config)
    with torch.no_grad():
        network.head.controller.bias[-1] = 0.0  # everything half likely, lesions as much as organs
    torch.manual_seed(0)
    deep_supervision = DeepSupervision(network.backbone, KEYS, torch.ones(33))
    parts = PatchLoss(network, deep_supervision, partial_label_loss, config)
    batch = sampler(config).batch([0, 1])
    return parts, parts(batch.images, batch.truth, batch.annotated, voxel_subsample(0, 2), 0.0), batch


def test_containment_weighs_what_lesions_exceed_their_organs_by():
    parts, with_it, batch = losses(containment_weight=3.0)
    _, without, _ = losses()
    assert "containment" not in without
    assert with_it["containment"] > 0
    assert (with_it["total"] - without["total"]).item() == pytest.approx(3 * with_it["containment"].item(), rel=1e-4)
    assert with_it["loss"].item() == pytest.approx(without["loss"].item())
    logits = parts.model(batch.images)[voxel_subsample(0, 2)].flatten(2)
    lesion, liver = KEYS.index("liver_tumour"), KEYS.index("liver")
    p = torch.sigmoid(logits)
    expected = (p[:, lesion] - p[:, liver]).relu().mean()  # the only lesion that toys have annotated with its organ
    assert with_it["containment"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_containment_is_learned_from_and_told(tmp_path):
    _, events = run(changed(steps=4, containment_weight=1.0), tmp_path / "with")
    assert all("containment" in figures for kind, figures in events if kind == "step")
    parts, figures, _ = losses(containment_weight=1.0, head_weight=0.0, deep_supervision_weight=0.0)
    figures["total"].backward()
    assert figures["total"] == figures["containment"]
    assert parts.model.head.controller.weight.grad.abs().sum() > 0


def test_organs_take_turns_and_lesions_are_always_there():
    lesions = {k for k, key in enumerate(KEYS) if STRUCTURES[key].is_lesion}
    turns = [class_subset(step, 6, KEYS) for step in range(25)]
    assert all(lesions <= set(turn) and len(turn) == len(lesions) + 6 for turn in turns)
    counts = [sum(k in turn for turn in turns) for k in range(len(KEYS)) if k not in lesions]
    assert set(counts) == {6}
    assert class_subset(3, 0, KEYS) is None
    assert class_subset(3, 99, KEYS) is None


def test_only_the_chosen_heads_count():
    config = changed(organs_per_step=2)
    network = model(config)
    torch.manual_seed(0)
    parts = PatchLoss(network, DeepSupervision(network.backbone, KEYS, torch.ones(33)), partial_label_loss, config)
    batch = sampler(config).batch([0, 1])
    chosen = class_subset(0, 2, KEYS)
    figures = parts(batch.images, batch.truth, batch.annotated, voxel_subsample(0, 2), 0.5, chosen)
    logits = parts.model(batch.images, list(chosen))[voxel_subsample(0, 2)].flatten(2)
    targets = batch.truth.at(voxel_subsample(0, 2)).masks().transpose(0, 1).flatten(2)[:, list(chosen)]
    annotated = batch.annotated[:, list(chosen)]
    each = [
        partial_label_loss(*one, torch.ones(len(chosen)))[0]
        for one in zip(logits.split(1), targets.split(1), annotated.split(1), strict=True)
    ]
    assert figures["loss"].item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-4)


def test_containment_needs_all_heads():
    with pytest.raises(UsageError, match="containment_weight"):
        changed(organs_per_step=2, containment_weight=1.0)


@pytest.mark.parametrize("share", [1, 2, 4, 8])
def test_the_lattices_of_many_steps_cover_every_voxel(share):
    seen = np.zeros((4, 4, 4), int)
    for step in range(64):
        part = np.zeros_like(seen)
        part[voxel_subsample(step, share)] = 1
        assert part.sum() * share == part.size
        seen += part
    assert seen.min() > 0
