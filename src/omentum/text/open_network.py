"""Open a language model with `transformers`.

The repository of a model may ask for its own code to be run; that is never done. Weights are read from safetensors
files, or from PyTorch files by the restricted unpickler.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.errors import InputError, MissingDependencyError
from omentum.model.torch_file import read_torch_file
from omentum.text.model_folder import OPEN_CLIP, PICKLED_WEIGHTS, read_json, transformer_folder, weights_in
from omentum.text.network import Forward, TextNetwork
from omentum.text.open_clip import open_open_clip
from omentum.text.pooling import sentence_modules

_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "data2vec-text")
"""Model types whose positions begin after the padding token."""
_CLIP_TYPES = ("clip", "clip_text_model", "metaclip_2", "metaclip_2_text_model")
_FIXED_LENGTH = ("siglip", "siglip2")
"""Model types that were trained on padded sentences, without a mask."""
_UNUSED = ("pooler.", "vision_model.", "visual_projection.", "logit_scale", "logit_bias", "position_ids")
"""Parts of a network that an embedding of text does not depend on; files may lack them."""


def open_network(folder: Path, name: str) -> TextNetwork:
    """Open the model in a folder.

    Args:
        folder: From `model_folder.find_folder`.
        name: For messages.

    Raises:
        MissingDependencyError: transformers is not installed.
        InputError: The model cannot be opened, or its file lacks weights.
        CheckpointError: A file with weights is damaged or unsafe.
    """
    if importlib.util.find_spec("transformers") is None:
        reason = f"the text encoder {name} needs transformers"
        raise MissingDependencyError(reason, remedy="pip install 'omentum[text]'")
    place = transformer_folder(folder)
    with _quiet(), _explained(place, name):
        if (place / OPEN_CLIP).is_file() and not (place / "config.json").is_file():
            return open_open_clip(place, name)
        return _open_transformers(place, folder, name)


def _open_transformers(place: Path, folder: Path, name: str) -> TextNetwork:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    config = AutoConfig.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    kind = str(config.model_type)
    if kind in _CLIP_TYPES:
        model = _load_weights(_clip_class(kind), place, _text_config(config), name)
        longest, end = _longest(tokenizer, model.config), _end(model, tokenizer)
        return TextNetwork(name, tokenizer, _clip_forward(model), longest, end=end)
    model_class = AutoModel._model_mapping[type(config)]
    model = _load_weights(model_class, place, config, name)
    if hasattr(model, "get_text_features"):
        longest = _longest(tokenizer, config.get_text_config())
        fixed = kind in _FIXED_LENGTH
        padding = {"padding": "max_length", "max_length": longest, "truncation": False} if fixed else {}
        return TextNetwork(name, tokenizer, _text_features(model), longest, padding=padding)
    modules = sentence_modules(folder)
    encoder = model.get_encoder() if config.is_encoder_decoder else model
    longest = min(_longest(tokenizer, config), modules.longest or _longest(tokenizer, config))

    def forward(tokens: Mapping[str, Tensor]) -> Tensor:
        return modules(encoder(**tokens).last_hidden_state[0])

    return TextNetwork(name, tokenizer, forward, longest, modules.lower)


def _load_weights(model_class: Any, folder: Path, config: Any, name: str) -> Any:
    """A network of transformers with all its weights from the folder, in float32, in evaluation mode.

    Raises:
        InputError: The file lacks weights, which would otherwise be random.
    """
    common: dict[str, Any] = {"config": config, "output_loading_info": True, "dtype": torch.float32}
    weights = weights_in(folder)
    if weights is not None and weights.name in PICKLED_WEIGHTS:
        state = dict(read_torch_file(weights, containers=("state_dict",)))
        model, said = model_class.from_pretrained(None, state_dict=state, **common)
    else:
        safe = {"use_safetensors": True, "local_files_only": True, "trust_remote_code": False}
        model, said = model_class.from_pretrained(folder, **safe, **common)
    faults = [n for n in sorted(said["missing_keys"]) if not any(part in n for part in _UNUSED)]
    faults += [str(row[0] if isinstance(row, tuple) else row) for row in said.get("mismatched_keys", ())]
    if faults:
        raise InputError(
            f"its weights do not fill the network: {len(faults)} lacking or misshapen, {faults[0]!r} first", source=name
        )
    return model.eval()


def _clip_class(kind: str) -> Any:
    if kind.startswith("metaclip"):
        from transformers import MetaClip2TextModelWithProjection

        return MetaClip2TextModelWithProjection
    from transformers import CLIPTextModelWithProjection

    return CLIPTextModelWithProjection


def _text_config(config: Any) -> Any:
    """Configuration of the text tower; within a whole CLIP, the width of the projection is that of the whole."""
    text = config.get_text_config()
    if text is not config:
        text.projection_dim = config.projection_dim
    return text


def _clip_forward(model: Any) -> Forward:
    def forward(tokens: Mapping[str, Tensor]) -> Tensor:
        row: Tensor = model(input_ids=tokens["input_ids"]).text_embeds[0]
        return row

    return forward


def _end(model: Any, tokenizer: Any) -> int | None:
    """The token whose state CLIP projects.

    Configurations written before transformers 4.32 say 2, and the model takes the highest token number of the sentence;
    later ones give its number, and the model takes its first occurrence.
    """
    said = model.config.eos_token_id
    return tokenizer.eos_token_id if said == 2 or said is None else int(said)


def _text_features(model: Any) -> Forward:
    def forward(tokens: Mapping[str, Tensor]) -> Tensor:
        found = model.get_text_features(**tokens)
        row: Tensor = (found if isinstance(found, Tensor) else found.pooler_output)[0]
        return row

    return forward


def _longest(tokenizer: Any, config: Any) -> int:
    """Most tokens of a sentence, by the tokenizer and by the table of positions."""
    by_tokenizer = int(tokenizer.model_max_length)
    positions = int(getattr(config, "max_position_embeddings", None) or by_tokenizer)
    if config.model_type in _OFFSET_POSITIONS:
        positions -= (config.pad_token_id or 0) + 1
    return min(positions, by_tokenizer)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and reports of transformers on the user's terminal."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def _explained(folder: Path, name: str) -> Iterator[None]:
    """Faults of transformers as one line."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as fault:
        said = next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
        reason = f"not a text model that can be opened here: {said[:300]}"
        remedy = "give a folder with the files of a text model"
        if "auto_map" in (read_json(folder / "config.json") or {}):
            remedy = "its repository asks for its own code to be run, which is never done; take another text encoder"
        raise InputError(reason, source=name, remedy=remedy) from fault
