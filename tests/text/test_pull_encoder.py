"""A text model comes from the hub once, without code or pickles, and faults are told in one line."""

import json

import pytest
import torch
from small_hub import COMMIT, small_hub
from text_models import put_bert, put_open_clip, put_sentence_encoder

from omentum.cli import main
from omentum.errors import InputError, UsageError
from omentum.text.encoder import embed
from omentum.text.model_folder import pulled_folder
from omentum.text.pull_encoder import pull_encoder, wanted_files

pytest.importorskip("transformers")
NAME = "somebody/sentences"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    folder = put_sentence_encoder(tmp_path / "hub", dense=6)
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    (folder / "README.md").write_text("about")
    with small_hub({NAME: folder}) as site:
        monkeypatch.setenv("HF_ENDPOINT", site.address)
        yield site


def test_a_model_is_fetched_once_and_gives_the_embeddings_of_the_original(hub, tmp_path, capsys):
    with pytest.raises(InputError, match=f"omentum encoders pull {NAME}"):
        embed(["a liver"], NAME)
    assert main(["encoders", "pull", NAME]) == 0
    folder = pulled_folder(NAME)
    assert capsys.readouterr().out.strip() == str(folder)
    assert torch.equal(embed(["a liver"], NAME), embed(["a liver"], str(tmp_path / "hub")))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert "2_Dense/model.safetensors" in there
    assert not [name for name in there if name.endswith((".py", ".md", ".bin"))]
    assert json.loads((folder / "receipt.json").read_text())["commit"] == COMMIT
    asked = len(hub.asked)
    assert pull_encoder(NAME) == folder
    assert len(hub.asked) == asked
    assert not [path for path in folder.parent.iterdir() if path.name.endswith(".part")]


def test_pickled_weights_become_safetensors(hub, tmp_path):
    hub.models["a/biomed"], *_ = put_open_clip(tmp_path / "open")
    folder = pull_encoder("a/biomed")
    assert not (folder / "open_clip_pytorch_model.bin").exists()
    assert (folder / "open_clip_model.safetensors").is_file()
    assert torch.allclose(embed(["a liver"], "a/biomed"), embed(["a liver"], str(tmp_path / "open")), atol=1e-6)


def test_a_model_that_is_no_text_encoder_leaves_nothing_behind(hub, tmp_path):
    folder = put_bert(tmp_path / "bad")
    hub.models["a/bad"] = folder
    torch.save({"weight": print}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="not a safe checkpoint"):
        pull_encoder("a/bad")
    assert not pulled_folder("a/bad").exists()
    with pytest.raises(InputError, match="has no weights that can be read"):
        wanted_files(["config.json", "tf_model.h5"], "a/b")


@pytest.mark.parametrize("code", [404, 503])
def test_a_server_that_refuses(code, hub):
    hub.refusal = code
    with pytest.raises(InputError, match=rf"{NAME}: "):
        pull_encoder(NAME)
    hub.refusal = 0
    assert pull_encoder(NAME).is_dir()


def test_gated_unknown_and_impossible_names(hub, monkeypatch):
    with pytest.raises(InputError, match="no such model or version"):
        pull_encoder("nobody/nothing")
    hub.gated = (NAME,)
    with pytest.raises(InputError, match="registered users only"):
        pull_encoder(NAME)
    with pytest.raises(UsageError, match=r"not the name of a text model \(OWNER/MODEL"):
        pull_encoder("bert")
    monkeypatch.setenv("HF_ENDPOINT", "http://example.org")
    with pytest.raises(UsageError, match="over https only"):
        pull_encoder(NAME)


def test_no_server_at_all(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"cannot be fetched from http://127.0.0.1:9: .*try again"):
        pull_encoder(NAME)


@pytest.mark.parametrize(
    ("files", "weights"),
    [
        (["model.safetensors", "pytorch_model.bin", "flax_model.msgpack"], {"model.safetensors"}),
        (["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
         {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}),
        (["pytorch_model.bin", "tf_model.h5"], {"pytorch_model.bin"}),
        (["open_clip_pytorch_model.bin", "onnx/model.onnx"], {"open_clip_pytorch_model.bin"}),
    ],
)  # fmt: skip
def test_only_one_kind_of_weights_is_fetched(files, weights):
    found = wanted_files([*files, "config.json", "vocab.txt", "train_script.py", "README.md"], "a/b")
    assert {name for name in found if not name.endswith((".json", ".txt"))} == weights
    assert {"config.json", "vocab.txt"} <= set(found)
