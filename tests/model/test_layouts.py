"""Layouts of public files name every tensor, and every backbone says which part is its encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
from published_files import published_entries
from small_models import small_spec

from omentum.model import BACKBONES
from omentum.model.layouts import bare, encoder_pattern, layouts
from omentum.model.state import without_memory


@pytest.mark.parametrize(
    ("file_name", "backbone", "layout"),
    [
        ("swinunetr", "swin_unetr", "monai"),
        ("unet", "unet", "models-genesis"),
        ("unetpp", "unetpp", "monai"),
        ("dints", "dints", "dints"),
    ],
)
def test_layouts_name_every_tensor_of_the_real_files(file_name, backbone, layout):
    entries = published_entries(file_name)
    real = {bare(name) for name, (_, dtype) in entries.items() if name.startswith("backbone.") and dtype == "float32"}
    network = without_memory(small_spec(backbone), Path("nowhere")).backbone
    ours = {layouts()[layout].theirs(name) for name, _ in network.named_parameters()}
    assert ours == {name for name in real if not layouts()[layout].ignores(name)}


def test_every_backbone_says_which_part_is_its_encoder():
    for name in BACKBONES:
        network = without_memory(small_spec(name), Path("nowhere")).backbone
        encoder = [n for n, _ in network.named_parameters() if encoder_pattern(name).match(n)]
        assert 0 < len(encoder) < len(list(network.parameters()))
