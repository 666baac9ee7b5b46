"""Text embeddings of a run's prompts, and an early check that they are available."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import class_prompts
from omentum.errors import MissingDependencyError, UsageError, warn_of_case
from omentum.model.weights import load_model
from omentum.spec import HeadKind
from omentum.text import encoder
from omentum.text.embedding_table import is_table
from omentum.text.structure_embeddings import recorded_name, refuse_prompts_with_table, table_embeddings
from omentum.train.config.settings import TrainConfig
from omentum.train.config.transfer_mode import TransferMode
from omentum.train.run.start import Start


def prompts_of(config: TrainConfig, classes: Sequence[str]) -> list[str]:
    """Prompts for the language model, one sentence per class.

    Raises:
        UsageError: A prompt of its own is given for a structure that is not learned, or two classes have the same.
    """
    own = {STRUCTURES.find(name).key: sentence for name, sentence in config.prompts.items()}
    if strangers := [key for key in own if key not in classes]:
        raise UsageError(f"[prompts] names {', '.join(strangers)}, which this run does not learn")
    return class_prompts(classes, config.prompt, own)


def check_words(config: TrainConfig, classes: Sequence[str]) -> None:
    """Refuse a text encoder that is not installed, unless its embeddings are bundled, and a table that lacks a class.

    A plain head takes no text.

    Raises:
        UsageError: See `prompts_of`.
        MissingDependencyError, InputError: See `omentum.text.encoder.embed` and `table_embeddings`.

    Warns:
        CaseWarning: The run starts from a text layer that was trained with the embeddings of another language model.
    """
    if config.mode is TransferMode.PLAIN:
        return
    if is_table(config.text_encoder):
        refuse_prompts_with_table(config.text_encoder, config.prompt, config.prompts)
        _warn_of_another_encoder(config, table_embeddings(classes, config.text_encoder).encoder)
        return
    prompts = prompts_of(config, classes)
    try:
        encoder.check(config.text_encoder, prompts)
    except MissingDependencyError:
        if bundled_embeddings(prompts, config.text_encoder) is None:
            raise
    _warn_of_another_encoder(config, recorded_name(config.text_encoder))


def _warn_of_another_encoder(config: TrainConfig, name: str) -> None:
    """Embeddings of another model may have the same length, and mean nothing to a text layer that knows others."""
    parts = config.init_parts or config.mode.loaded_parts
    if parts and not any("head.text_feature".startswith(part) for part in parts):
        return
    spec = Start.of(config).spec
    if spec is not None and spec.model.head is HeadKind.TEXT and spec.text_encoder != name:
        told = f"its text layer was trained with embeddings of {spec.text_encoder}, and has to learn those of {name}"
        warn_of_case(told, config.init, stacklevel=3)


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
