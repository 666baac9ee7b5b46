"""A tiny model and cases with a structure that it does not know, for tests of extensions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_cases import SPACING_3MM, toy_volume

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.anatomy.structure_file import include_noun
from omentum.io.truth import write_case
from omentum.model import build, save_checkpoint
from omentum.segmentation import Segmentation
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec, Trust
from omentum.text import same_encoder

KNOWN = ("right_kidney", "left_kidney", "liver")
WORDS = "vermiform appendix"
KEY = "vermiform_appendix"
TOML = """
steps = 4
batch = 1
workers = 0
bf16 = false
warmup_steps = 1
save_every = 2
validate_every = 4
subsample_factor = 2

[[data]]
folder = "new"
validation = 1
"""


def made_up_embeddings(sentences: list[str], encoder: str = "") -> torch.Tensor:
    """Another row for every sentence, without a language model."""
    rows = [torch.randn(16, generator=torch.Generator().manual_seed(sum(map(ord, said)))) for said in sentences]
    return torch.stack(rows)


def parent_file(folder: Path) -> Path:
    """A checkpoint with random weights."""
    spec = CheckpointSpec(
        model=ModelSpec("residual_unet", {"widths": [8, 16, 16], "stem": 8, "blocks": 1}, 16, 8),
        preprocess=PreprocessSpec((3.0, 3.0, 3.0), (-1024.0, 1024.0), (32, 32, 32), antialias=True),
        classes=tuple(ClassSpec(key, prompt(STRUCTURES[key]), 0.4, Trust.RELIABLE) for key in KNOWN),
        text_encoder="none",
        training={
            "trained_on": [],
            "terms": [{"of": "scans of somebody", "licence": "CC BY-NC 4.0", "citation": "Somebody 2020"}],
        },
        licence="CC BY-NC 4.0 (scans of somebody)",
    )
    torch.manual_seed(0)
    save_checkpoint(folder / "parent.safetensors", build(spec, made_up_embeddings([c.prompt for c in spec.classes])))
    return folder / "parent.safetensors"


def write_cases(folder: Path, number: int, key: str = KEY, annotated: tuple[str, ...] = (KEY,), seed: int = 0) -> Path:
    """Cases in which the aorta of `toy_volume` is the new structure; only `annotated` is."""
    if key not in STRUCTURES:
        include_noun(WORDS)
    for n in range(number):
        ct, truth = toy_volume(seed + n)
        masks = {name: truth.mask(name) for name in KNOWN} | {key: truth.mask("aorta")}
        labels = Segmentation.from_masks(masks, SPACING_3MM, [name for name in annotated if name in masks])
        write_case(folder / f"{folder.name}_{n}", replace(ct, voxels=np.asarray(ct.voxels)), labels, {})
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the parent, cases of the new structure in new/, of the known ones in old/, and my.toml."""
    monkeypatch.setattr(same_encoder, "embed", made_up_embeddings)
    monkeypatch.chdir(tmp_path)
    parent_file(tmp_path)
    write_cases(tmp_path / "new", 3)
    write_cases(tmp_path / "old", 2, annotated=KNOWN, seed=10)
    (tmp_path / "my.toml").write_text(TOML)
    STRUCTURES.reset()
    return tmp_path
