"""Small language models on disk, built at random: CLIP, BERT and what is built around it."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch

BERT_SIZE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
WORDS = (
    "a", "ct", "of", "in", "the", "is", "there", "computerized", "tomography", "photo",
    "liver", "spleen", "kidney", "left", "right", "aorta", "tumour",
)  # fmt: skip


def put_clip(folder: Path, *, eos: int | None = None, longest: int = 48, seed: int = 0) -> Path:
    """The text tower of a CLIP with projection.

    Args:
        folder: Where to.
        eos: What the configuration says of the closing token: 2 as before transformers 4.32; its number by default.
        longest: Table of positions.
        seed: Of the weights.
    """
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    tokenizer = _clip_tokenizer(longest)
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=longest,
        projection_dim=24,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id if eos is None else eos,
        pad_token_id=tokenizer.pad_token_id,
    )
    CLIPTextModelWithProjection(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def put_whole_clip(folder: Path) -> Path:
    """A CLIP with its image tower, as on the hub; the configuration says 2."""
    from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig

    put_clip(folder, eos=2)
    text = json.loads((folder / "config.json").read_text())
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1, image_size=32, patch_size=16
    )
    torch.manual_seed(1)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision.to_dict(), projection_dim=24)).save_pretrained(folder)
    return folder


def put_bert(folder: Path, seed: int = 0) -> Path:
    """A BERT, as sentence encoders are made of."""
    from transformers import BertConfig, BertModel

    tokenizer = _bert_tokenizer(folder)
    torch.manual_seed(seed)
    BertModel(BertConfig(vocab_size=len(tokenizer), **BERT_SIZE)).save_pretrained(folder)
    return folder


def put_sentence_encoder(folder: Path, pooling: str = "mean", dense: int = 0, longest: int = 16) -> Path:
    """A BERT with the files of sentence-transformers around it."""
    put_bert(folder)
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else []), "Normalize"]
    modules = [
        {"idx": n, "path": f"{n}_{kind}" if n else "", "type": f"sentence_transformers.models.{kind}"}
        for n, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest, "do_lower_case": False}))
    (folder / "1_Pooling").mkdir()
    names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    said = {f"pooling_mode_{name}": name.startswith(pooling) and name != "mean_sqrt_len_tokens" for name in names}
    said |= {"pooling_mode_mean_sqrt_len_tokens": pooling == "mean_sqrt_len"}
    (folder / "1_Pooling/config.json").write_text(json.dumps(said))
    if dense:
        from safetensors.torch import save_file

        (folder / "2_Dense").mkdir()
        activation = {"activation_function": "torch.nn.modules.activation.Tanh", "out_features": dense}
        (folder / "2_Dense/config.json").write_text(json.dumps(activation))
        weights = {"linear.weight": torch.randn(dense, 64), "linear.bias": torch.randn(dense)}
        save_file(weights, folder / "2_Dense/model.safetensors")
    return folder


def put_dual_encoder(folder: Path) -> Path:
    """A BERT and an image model, each with a projection (transformers' VisionTextDualEncoder)."""
    from transformers import (
        BertConfig,
        BertModel,
        CLIPVisionConfig,
        CLIPVisionModel,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
    )

    tokenizer = _bert_tokenizer(folder)
    torch.manual_seed(0)
    text = BertConfig(vocab_size=len(tokenizer), **BERT_SIZE)
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, image_size=32, patch_size=16
    )
    config = VisionTextDualEncoderConfig(vision_config=vision.to_dict(), text_config=text.to_dict(), projection_dim=12)
    VisionTextDualEncoderModel(config, CLIPVisionModel(vision), BertModel(text)).save_pretrained(folder)
    return folder


def put_open_clip(folder: Path, *, pickled: bool = True, matrices: int = 2) -> tuple[Path, torch.nn.Module, list]:
    """OpenCLIP's layout with a BERT, as BiomedCLIP has it; also the parts, for reference."""
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    tokenizer = _bert_tokenizer(folder)
    torch.manual_seed(3)
    bert = BertModel(BertConfig(vocab_size=len(tokenizer), **BERT_SIZE), add_pooling_layer=False).eval()
    layers = [torch.randn(40, 64), torch.randn(12, 40)] if matrices == 2 else [torch.randn(12, 64)]
    names = ["text.proj.0.weight", "text.proj.2.weight"] if matrices == 2 else ["text.proj.weight"]
    state = {f"text.transformer.{name}": tensor.clone() for name, tensor in bert.state_dict().items()}
    state |= dict(zip(names, layers, strict=True)) | {"visual.trunk.x": torch.zeros(2), "logit_scale": torch.ones(())}
    if pickled:
        torch.save(state, folder / "open_clip_pytorch_model.bin")
    else:
        save_file(state, folder / "open_clip_model.safetensors")
    text = {
        "hf_model_name": "somebody/bert",
        "hf_proj_type": "mlp" if matrices == 2 else "linear",
        "hf_pooler_type": "cls_last_hidden_state_pooler",
        "context_length": 20,
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"embed_dim": 12, "text_cfg": text}}))
    return folder, bert, layers


def _bert_tokenizer(folder: Path):
    from transformers import BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *(f"##{c}" for c in string.ascii_lowercase)]
    (folder / "vocab.txt").write_text("\n".join([*words, *string.ascii_lowercase]) + "\n")
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), model_max_length=40)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _clip_tokenizer(longest: int):
    from transformers import CLIPTokenizer

    letters = [*string.ascii_lowercase, *string.digits]
    vocabulary = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(vocabulary)}, merges=[], model_max_length=longest
    )
