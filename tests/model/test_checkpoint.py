"""Checkpoints: every number and the description come back, in single and in half precision."""

from __future__ import annotations

import pytest
import torch
from small_models import small_model

from omentum.errors import CheckpointError, OutputError
from omentum.model import BACKBONES, load_checkpoint, read_spec, save_checkpoint


@pytest.mark.parametrize("backbone", BACKBONES)
def test_saving_and_loading_keeps_every_number_and_the_description(backbone, tmp_path):
    model = small_model(backbone)
    save_checkpoint(tmp_path / "m.safetensors", model)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert loaded.spec == model.spec == read_spec(tmp_path / "m.safetensors")
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[name], t) for name, t in model.state_dict().items())


def test_tensors_that_are_one_are_written_each(tmp_path):
    model = small_model()
    model.head.image_feature[3].bias = model.head.text_feature.bias
    save_checkpoint(tmp_path / "m.safetensors", model)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert all(torch.equal(loaded.state_dict()[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_halves_the_file_and_loads_as_float32(model, dtype, tmp_path, saved):
    half = tmp_path / "half.safetensors"
    save_checkpoint(half, model, dtype)
    loaded = load_checkpoint(half)
    assert half.stat().st_size < 0.6 * saved.stat().st_size
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.text_embeddings, model.text_embeddings.to(dtype).float())


def test_a_number_that_float16_cannot_hold_is_not_saved(tmp_path):
    model = small_model()
    model.text_embeddings[0, 0] = 1e6
    with pytest.raises(CheckpointError, match="text_embeddings"):
        save_checkpoint(tmp_path / "m.safetensors", model, torch.float16)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_nothing_behind(model, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tmp_path / "nowhere" / "m.safetensors", model)
