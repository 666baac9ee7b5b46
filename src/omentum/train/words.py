"""Text embeddings of a run's prompts, and an early check that they are available."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt, template_of
from omentum.errors import MissingDependencyError
from omentum.model.weights import load_model
from omentum.text import encoder
from omentum.train.config.settings import TrainConfig


def prompts_of(config: TrainConfig, classes: Sequence[str]) -> list[str]:
    """Prompts for the language model, one sentence per class."""
    template = template_of(config.prompt)
    return [prompt(STRUCTURES[key], template) for key in classes]


def check_words(config: TrainConfig, classes: Sequence[str]) -> None:
    """Refuse a text encoder that is not installed, unless its embeddings are bundled.

    Raises:
        MissingDependencyError, InputError: See `omentum.text.encoder.embed`.
    """
    try:
        encoder.check(config.text_encoder)
    except MissingDependencyError:
        if bundled_embeddings(prompts_of(config, classes), config.text_encoder) is None:
            raise


def bundled_embeddings(sentences: Sequence[str], text_encoder: str) -> torch.Tensor | None:
    """Embeddings from the bundled weights (in half precision): all packaged structures with the default template.

    Returns:
        float32 [len(sentences), width]; None if the sentences or the encoder differ.
    """
    model = load_model()
    rows = {of_class.prompt: row for row, of_class in enumerate(model.spec.classes)}
    if model.spec.text_encoder != text_encoder or not rows.keys() >= set(sentences):
        return None
    return model.text_embeddings[[rows[sentence] for sentence in sentences]].float().clone()
