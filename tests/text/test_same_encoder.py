"""A checkpoint gets rows of its own language model only."""

from dataclasses import replace

import pytest
import torch
from text_models import put_bert, put_clip

from omentum.errors import InputError
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec
from omentum.text.encoder import embed
from omentum.text.same_encoder import embed_like

pytest.importorskip("transformers")
PROMPTS = ["a ct of the liver", "a ct of the spleen", "a ct of the left kidney"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))
    return put_bert(tmp_path / "bert")


def spec_of(encoder, prompts=PROMPTS):
    classes = tuple(ClassSpec(key, p) for key, p in zip(("liver", "spleen", "left_kidney"), prompts, strict=True))
    return CheckpointSpec(ModelSpec("unet", text_width=64), PreprocessSpec(), classes, text_encoder=str(encoder))


def test_new_sentences_by_the_same_model(folder):
    rows = embed(PROMPTS, str(folder)).half()
    found = embed_like(spec_of(folder), rows, ["a ct of the aorta"])
    assert torch.equal(found, embed(["a ct of the aorta"], str(folder)))


def test_another_model_is_refused_also_of_the_same_width(folder, tmp_path):
    rows = embed(PROMPTS, str(folder))
    for other in (put_bert(tmp_path / "other", seed=1), put_clip(tmp_path / "clip")):
        with pytest.raises(InputError, match="gives other embeddings than the weights hold"):
            embed_like(spec_of(folder), rows, ["aorta"], str(other))


def test_exchanged_rows_are_noticed(folder):
    rows = embed(PROMPTS, str(folder))[[1, 0, 2]]
    with pytest.raises(InputError, match="gives other embeddings"):
        embed_like(spec_of(folder), rows, ["aorta"])


def test_without_prompts_nothing_can_be_checked(folder):
    spec = spec_of(folder)
    spec = replace(spec, classes=tuple(replace(c, prompt="") for c in spec.classes))
    with pytest.raises(InputError, match="record no prompts"):
        embed_like(spec, torch.ones(3, 64), ["aorta"])
