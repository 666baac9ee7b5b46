"""The text tower of a model in OpenCLIP's layout: BERT with a projection, as in BiomedCLIP.

The layout is that of OpenCLIP's adapter for Hugging Face models (Ilharco et al., OpenCLIP, 2021): the language model
below `text.transformer.`, the projection below `text.proj`, either one matrix or two with a GELU between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.errors import InputError
from omentum.model.checkpoint import read_tensors
from omentum.model.safetensors_file import read_header
from omentum.model.torch_file import read_torch_file
from omentum.text.model_folder import OPEN_CLIP, PICKLED_WEIGHTS, read_json, weights_in
from omentum.text.network import Forward, TextNetwork
from omentum.text.pooling import Pooling, pooled

TOWER = "text.transformer."
PROJECTIONS = (("text.proj.weight",), ("text.proj.0.weight", "text.proj.2.weight"))
HEAD_WIDTH = 64
"""Width of an attention head in every published BERT; OpenCLIP's file does not say it."""

POOLERS = {"cls_last_hidden_state_pooler": Pooling.CLS, "mean_pooler": Pooling.MEAN}


def open_open_clip(folder: Path, name: str) -> TextNetwork:
    """Open the text tower.

    Raises:
        InputError: The file is not of this kind.
        CheckpointError: The weights are damaged or unsafe.
    """
    from transformers import AutoTokenizer, BertModel

    said = read_json(folder / OPEN_CLIP).get("model_cfg", {}).get("text_cfg", {})
    pooler = POOLERS.get(said.get("hf_pooler_type", ""))
    if pooler is None:
        remedy = "a model of transformers, e.g. one with config.json, works as well"
        reason = f"its text tower is not BERT with one of the poolers {', '.join(POOLERS)}"
        raise InputError(reason, source=folder / OPEN_CLIP, remedy=remedy)
    state = _state(folder)
    tower = {n.removeprefix(TOWER): t.float() for n, t in state.items() if n.startswith(TOWER)}
    model = BertModel(_configuration(tower, folder), add_pooling_layer=False)
    missing = [n for n in model.load_state_dict(tower, strict=False).missing_keys if "position_ids" not in n]
    layers = next((names for names in PROJECTIONS if all(n in state for n in names)), None)
    if missing or layers is None:
        lacks = missing[0] if missing else "text.proj"
        raise InputError(f"its weights lack {lacks!r} of the text tower", source=name)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    longest = min(int(said.get("context_length", 77)), model.config.max_position_embeddings)
    return TextNetwork(name, tokenizer, _forward(model.eval(), [state[n].float() for n in layers], pooler), longest)


def _state(folder: Path) -> Mapping[str, Tensor]:
    weights = weights_in(folder)
    if weights is None or weights.name in PICKLED_WEIGHTS:
        return read_torch_file(weights or folder / PICKLED_WEIGHTS[1], containers=("state_dict",))
    read_header(weights)
    return read_tensors(weights)


def _forward(model: Any, projection: list[Tensor], pooler: Pooling) -> Forward:
    def forward(tokens: Mapping[str, Tensor]) -> Tensor:
        row = pooled(model(**tokens).last_hidden_state[0], pooler)
        for number, weight in enumerate(projection):
            row = weight @ (torch.nn.functional.gelu(row) if number else row)
        return row

    return forward


def _configuration(tower: Mapping[str, Tensor], folder: Path) -> Any:
    """Sizes of the BERT, from its tensors."""
    from transformers import BertConfig

    try:
        words, positions = tower["embeddings.word_embeddings.weight"], tower["embeddings.position_embeddings.weight"]
        hidden = tower["encoder.layer.0.intermediate.dense.weight"]
    except KeyError as fault:
        raise InputError(f"holds no BERT below {TOWER!r}: {fault} is missing", source=folder) from fault
    layers = {name.split(".")[2] for name in tower if name.startswith("encoder.layer.")}
    width = words.shape[1]
    return BertConfig(
        vocab_size=words.shape[0],
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, width // HEAD_WIDTH),
        intermediate_size=hidden.shape[0],
        max_position_embeddings=positions.shape[0],
        type_vocab_size=tower["embeddings.token_type_embeddings.weight"].shape[0],
    )
