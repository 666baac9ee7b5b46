"""Every backbone trains by its name in a configuration, and may start from a public file."""

from __future__ import annotations

import json

import pytest
import torch
from monai.networks.nets.segresnet import SegResNet
from small_models import SMALL

from omentum.model import BACKBONES
from omentum.train import fresh_model
from omentum.train.config.toml_file import load_config

WORDS = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: WORDS[: len(prompts)])


def configured(folder, backbone, **fields):
    """A training configuration as a user writes it; JSON's strings, numbers and lists are TOML's."""
    top = {"backbone": backbone, **fields}
    parameters = "\n".join(f"{name} = {json.dumps(value)}" for name, value in SMALL[backbone].items())
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    text = "\n".join([*lines, "[parameters]", parameters, "[[data]]", 'folder = "cases"'])
    (folder / "run.toml").write_text(text)
    return load_config(folder / "run.toml")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_configuration_builds_a_model_whose_every_weight_learns(backbone, tmp_path):
    model = fresh_model.new_model(configured(tmp_path, backbone))
    assert model.spec.model.backbone == backbone
    step = model.backbone.divisor
    model(torch.rand(1, 1, 2 * step, step, step)).square().mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_configuration_may_start_from_a_public_file(tmp_path):
    theirs = SegResNet(init_filters=8, out_channels=25).state_dict()
    torch.save(
        {"net": {f"module.backbone.{n}": torch.ones_like(t) for n, t in theirs.items()}}, tmp_path / "public.pth"
    )
    model = fresh_model.new_model(configured(tmp_path, "segresnet", init="public.pth"))
    assert all((p == 1).all() for p in model.backbone.parameters())
    assert not all((p == 1).all() for p in model.head.parameters())
