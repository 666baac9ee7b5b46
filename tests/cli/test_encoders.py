"""`omentum encoders`: what there is, and tables of embeddings for machines without a language model."""

import json

import pytest
from text_models import put_bert

from omentum.cli import main
from omentum.model import save_checkpoint
from omentum.text.embedding_table import read_table
from omentum.text.encoder import embed

pytest.importorskip("transformers")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return put_bert(tmp_path / "bert")


def test_the_named_encoders_are_listed_with_where_they_are(folder, capsys):
    assert main(["encoders", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["encoders"]}
    assert rows["openai/clip-vit-base-patch32"]["width"] == 512
    assert rows["openai/clip-vit-base-patch32"]["here"] is False
    assert main(["encoders", "list"]) == 0
    shown = capsys.readouterr().out
    assert "to pull" in shown
    assert all(name in shown for name in rows)


def test_a_table_of_any_model_and_prompt(folder, capsys):
    told = ["--encoder", str(folder), "--prompt", "a ct of the {name}", "--classes", "liver,kidneys"]
    assert main(["encoders", "embed", *told, "-o", "t.safetensors"]) == 0
    assert capsys.readouterr().out.strip() == "t.safetensors: 3 structures, 64 numbers each, bert"
    table = read_table("t.safetensors")
    assert tuple(table.rows) == ("liver", "right_kidney", "left_kidney")
    assert table.prompts["left_kidney"] == "a ct of the left kidney"
    assert (table.rows["liver"] == embed(["a ct of the liver"], str(folder))[0]).all()
    assert table.encoder == "bert"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["-o", "t.npy"], "t.npy: the output is a .safetensors file"),
        (["--classes", "livre", "-o", "t.safetensors"], "unknown structure 'livre'"),
        (["--encoder", "minlm", "-o", "t.safetensors"], "minlm: not a text model that can be opened here"),
        (["--encoder", "t.npy", "-o", "t.safetensors"], "no such table of embeddings"),
        (["--prompt", "a {organ}", "-o", "t.safetensors"], "has no place for the structure"),
    ],
)
def test_what_cannot_be_embedded(told, message, folder, capsys):
    assert main(["encoders", "embed", *told]) == 2
    assert message in capsys.readouterr().err
    assert not list(folder.parent.glob("t.*"))


def test_a_table_that_exists_is_kept(folder, capsys):
    told = ["encoders", "embed", "--encoder", str(folder), "--classes", "liver,aorta,spleen", "-o", "t.safetensors"]
    assert main(told) == 0
    assert main(told) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*told, "--overwrite", "--prompt", "V1"]) == 0
    assert read_table("t.safetensors").prompts["liver"] == "A photo of a liver"
    again = ["encoders", "embed", "--encoder", "t.safetensors", "--classes", "liver", "--overwrite"]
    assert main([*again, "-o", "t.safetensors"]) == 2
    assert read_table("t.safetensors").rows.keys() == {"liver", "aorta", "spleen"}


def test_weights_tell_their_encoder_and_prompts(folder, capsys):
    from small_models import small_model

    save_checkpoint(folder.parent / "m.safetensors", small_model())
    assert main(["weights", "info", "m.safetensors"]) == 0
    shown = capsys.readouterr().out
    assert "text_encoder: none" in shown
    assert "A computerized tomography of a liver tumour" in shown
