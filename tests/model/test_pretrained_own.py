"""First weights from a checkpoint of this package: everything but the words, or what fits."""

from __future__ import annotations

import pytest
import torch
from small_models import KEYS, small_model

from omentum.errors import CaseWarning
from omentum.model import initialise, save_checkpoint
from omentum.model.plain_head import PlainHead


@pytest.mark.parametrize("backbone", ["residual_unet", "dints"])
def test_an_own_checkpoint_fills_everything_but_the_words(backbone, tmp_path):
    path = tmp_path / "own.safetensors"
    trained = small_model(backbone)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.normal_()
    save_checkpoint(path, trained)
    model = small_model(backbone)
    words = model.text_embeddings.add_(1).clone()
    assert initialise(model, path).complete
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, trained.get_parameter(name)), name
    assert torch.equal(model.text_embeddings, words)


def test_only_what_concerns_the_loaded_parts_is_told(tmp_path, recwarn):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("residual_unet"))
    model = small_model("residual_unet")
    model.head = PlainHead(model.backbone.decoded_channels, len(KEYS))
    report = initialise(model, path, ["backbone"])
    assert report.complete
    assert all(name.startswith("backbone.") for name in report.loaded)
    assert not recwarn.list


def test_of_an_own_checkpoint_with_other_parameters_what_fits_is_taken(tmp_path):
    path = tmp_path / "own.safetensors"
    trained = small_model("residual_unet", decoded_channels=8)
    save_checkpoint(path, trained)
    model = small_model("residual_unet", decoded_channels=16)
    fresh = model.backbone.expand.weight.clone()
    with pytest.warns(CaseWarning) as told:
        report = initialise(model, path)
    assert "what fits is taken" in str(told[0].message)
    assert "backbone.expand.weight should be" in "".join(report.misshapen)
    assert torch.equal(model.backbone.expand.weight, fresh)
    assert torch.equal(model.head.controller.weight, trained.head.controller.weight)
    assert report.encoder_share == 1
