"""Adapters: old classes stay as they are to the bit, new ones begin as the parent sees them, and learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_models import SMALL, small_model

from omentum.errors import CheckpointError, UsageError
from omentum.model import UniversalModel, load_checkpoint, save_checkpoint
from omentum.model.adapters import HEAD_ONLY, joined, newest_adapter, parameter_growth, with_adapter
from omentum.model.build import build
from omentum.model.feature_network import FeatureNetwork, class_logits
from omentum.spec import MAX_GROWTH, AdapterSpec, CheckpointSpec, ClassSpec
from omentum.train.optimise.trainable import train_only

NEW = (ClassSpec("pancreas", "A computerized tomography of a pancreas"),)
OLD = 3
SIZES = {"swin_unetr": (64, 32, 32)}
"""Windows of other than 32³ voxels: the deepest features of this network need more than one position."""


def window(model: UniversalModel) -> torch.Tensor:
    size = SIZES.get(model.spec.model.backbone, (32, 32, 32))
    return torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1))


def words(number: int = 1) -> torch.Tensor:
    return torch.randn(number, 12, generator=torch.Generator().manual_seed(2))


def taught(model: UniversalModel, steps: int = 3) -> UniversalModel:
    """Some steps of gradient descent on whatever is trainable, in training mode."""
    model.train()
    train_only(model, newest_adapter(model))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 0.05, weight_decay=0.1)
    for _ in range(steps):
        model(window(model))[:, -1].sub(3.0).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    return model.eval()


@torch.inference_mode()
def logits(model: UniversalModel, classes: list[int] | None = None) -> torch.Tensor:
    return model(window(model), classes)


@pytest.mark.parametrize("backbone", [name for name in SMALL if name != "mednext"])
def test_a_fresh_adapter_changes_nothing_and_a_trained_one_only_its_own_classes(backbone):
    parent = small_model(backbone)
    text = torch.cat([parent.text_embeddings, words()])
    alike = build(replace(parent.spec, classes=(*parent.spec.classes, *NEW)), text).eval()
    alike.load_state_dict(parent.state_dict() | {"text_embeddings": text})
    adapted = with_adapter(parent, NEW, words())
    fresh = logits(adapted)
    assert torch.equal(fresh[:, :OLD], logits(parent))
    assert torch.allclose(fresh[:, OLD:], logits(alike, [OLD]), atol=1e-6)
    after = logits(taught(adapted, 1))
    assert torch.equal(after[:, :OLD], logits(parent))
    assert (after[:, OLD] - fresh[:, OLD]).abs().max() > 1e-3
    assert torch.equal(logits(parent), logits(small_model(backbone)))  # not changed in place either


@pytest.mark.parametrize("parts", [(), HEAD_ONLY])
def test_training_it_moves_the_new_class_towards_its_target(parts):
    adapted = with_adapter(small_model("residual_unet"), NEW, words(), parts=parts)
    before = logits(adapted)[:, OLD].sub(3).abs().mean()
    assert logits(taught(adapted, 20))[:, OLD].sub(3).abs().mean() < 0.8 * before


def test_classes_come_in_the_order_asked_for():
    adapted = taught(with_adapter(small_model(), NEW, words()))
    whole = logits(adapted)
    for classes in ([3, 0, 2], [3]):
        assert torch.allclose(logits(adapted, classes), whole[:, classes], atol=1e-4)
    voxels = (..., slice(None, None, 2), slice(None), slice(None))
    with torch.inference_mode():
        some, _ = adapted.logits_at(window(adapted), voxels)
    assert torch.allclose(some, whole[voxels].flatten(2), atol=1e-5)


@pytest.mark.parametrize("classes", [None, [3], [1], [3, 0, 2]])
@pytest.mark.parametrize("parts", [(), HEAD_ONLY])
def test_what_engines_compile_computes_the_same(classes, parts):
    adapted = taught(with_adapter(small_model("residual_unet"), NEW, words(), parts=parts))
    network = FeatureNetwork(adapted, classes)
    assert len(network.backbones) == (2 if not parts and classes in (None, [3, 0, 2]) else 1)
    with torch.inference_mode():
        found = class_logits(adapted, classes)(*network(window(adapted)))
    assert torch.allclose(found, logits(adapted, classes), atol=1e-5)


def test_trained_alone_and_joined_is_the_parent_with_one_more_class(tmp_path):
    parent = small_model("residual_unet")
    alone = taught(with_adapter(parent, NEW, words(), keep_classes=False))
    assert alone.spec.class_keys == ("pancreas",)
    save_checkpoint(tmp_path / "alone.safetensors", alone, torch.float16)  # as runs keep it: rounded
    whole = joined(parent, load_checkpoint(tmp_path / "alone.safetensors"))
    save_checkpoint(tmp_path / "whole.safetensors", whole)
    read = load_checkpoint(tmp_path / "whole.safetensors")
    assert read.spec == whole.spec
    assert torch.equal(logits(read)[:, :OLD], logits(parent))
    assert torch.allclose(logits(read)[:, OLD:], logits(alone), atol=2e-2)


def test_a_second_adapter_leaves_the_first_alone():
    first = taught(with_adapter(small_model(), NEW, words()))
    second = taught(with_adapter(first, (ClassSpec("colon", "A colon"),), words()))
    assert second.spec.class_keys == (*first.spec.class_keys, "colon")
    assert torch.equal(logits(second)[:, : OLD + 1], logits(first))


def test_batch_statistics_of_the_frozen_network_do_not_drift():
    parent = small_model("dints")
    adapted = with_adapter(parent, NEW, words())
    taught(adapted)
    theirs = parent.backbone.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in adapted.backbone.state_dict().items())


def test_growth_of_the_bundled_network_is_within_the_limit():
    with torch.device("meta"):
        spec = replace(small_model("residual_unet").spec, model=replace(small_model("residual_unet").spec.model))
        big = replace(spec, model=replace(spec.model, parameters={}, text_width=384, condition_width=256))
        whole = build(replace(big, adapters=(AdapterSpec(("liver",), 4),)), torch.empty(OLD, 384))
    added = sum(p.numel() for p in whole.adapters.parameters()) + 384
    plain = sum(p.numel() for p in whole.parameters()) - sum(p.numel() for p in whole.adapters.parameters())
    assert parameter_growth(whole) == pytest.approx(added / plain)
    assert 0 < parameter_growth(whole) < MAX_GROWTH / 3  # so that three structures can be added one after the other
    assert parameter_growth(small_model()) == 0


def test_checkpoints_without_adapters_are_written_as_before():
    text = small_model().spec.to_json()
    assert '"format": 1' in text
    assert "adapters" not in text
    adapted = with_adapter(small_model(), NEW, words()).spec
    assert '"format": 4' in adapted.to_json()
    assert CheckpointSpec.from_json(adapted.to_json()).adapters == (AdapterSpec(("pancreas",), 4),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adapters": (AdapterSpec(("heart",), 4),)}, "heart"),
        ({"adapters": (AdapterSpec(("liver",), 4), AdapterSpec(("liver",), 4))}, "liver"),
    ],
)
def test_adapters_of_other_classes_are_refused(change, message):
    text = replace(small_model().spec, **change).to_json()
    with pytest.raises(CheckpointError, match=message):
        CheckpointSpec.from_json(text)


def test_known_classes_and_unknown_parts_are_refused():
    liver = (ClassSpec("liver", "A liver"),)
    with pytest.raises(UsageError, match="liver"):
        with_adapter(small_model(), liver, words())
    with pytest.raises(UsageError, match="tail"):
        with_adapter(small_model(), NEW, words(), parts=("tail",))
    with pytest.raises(UsageError, match="at least one"):
        with_adapter(small_model(), (), words(0))
    with pytest.raises(UsageError, match="one adapter"):
        joined(small_model(), small_model())
