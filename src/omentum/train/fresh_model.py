"""Create the initial model of a run: the network and the text embeddings of its class prompts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import InputError, MissingDependencyError
from omentum.model import UniversalModel, build, initialise
from omentum.model.named_parts import check_parts
from omentum.model.weights import locate
from omentum.spec import TEXT_SHA256, CheckpointSpec, ClassSpec, ModelSpec
from omentum.text.embedding_table import is_table
from omentum.text.encoder import embed, identity
from omentum.text.structure_embeddings import StructureEmbeddings, recorded_name, table_embeddings
from omentum.train.classes import run_classes
from omentum.train.config.settings import TrainConfig
from omentum.train.run.start import Start
from omentum.train.run.terms import citation_of, licence_of
from omentum.train.words import bundled_embeddings, prompts_of


def new_model(config: TrainConfig) -> UniversalModel:
    """A new model, initialised at random from torch's global generator or from `config.init`."""
    classes = run_classes(config)
    text = _text_of(config, classes)
    terms = Start.of(config).terms
    spec = CheckpointSpec(
        model=ModelSpec(config.backbone, dict(config.parameters), text_width=text.rows.shape[1]),
        preprocess=config.preprocess,
        classes=tuple(ClassSpec(key, p) for key, p in zip(classes, text.prompts, strict=True)),
        text_encoder=text.encoder,
        training={TEXT_SHA256: text.sha256} if text.sha256 else {},
        licence=licence_of(terms),
        citation=citation_of(terms),
        structures=carried_rows(classes),
    )
    model = build(spec, text.rows)
    if config.spread_text:
        _spread_text_features(model)
    if config.first_logit:
        torch.nn.init.constant_(model.head.controller.bias[-1:], config.first_logit)
    if config.init:
        check_parts(model, config.init_parts, "init_parts")
        initialise(model, locate(config.init), config.init_parts)
    return model


def _text_of(config: TrainConfig, classes: Sequence[str]) -> StructureEmbeddings:
    """Embeddings of the classes, from the language model or from a table."""
    if is_table(config.text_encoder):
        return table_embeddings(classes, config.text_encoder)
    prompts = prompts_of(config, classes)
    rows = _embedded(prompts, config.text_encoder)
    try:
        sha256 = identity(config.text_encoder)
    except (MissingDependencyError, InputError):  # the rows are the bundled ones
        sha256 = ""
    return StructureEmbeddings(tuple(classes), tuple(prompts), rows, recorded_name(config.text_encoder), sha256)


def _embedded(prompts: Sequence[str], encoder: str) -> torch.Tensor:
    """Embeddings of the prompts from the language model, or from the bundled weights if it is not installed."""
    try:
        return embed(prompts, encoder)
    except MissingDependencyError:
        if (known := bundled_embeddings(prompts, encoder)) is None:
            raise
        return known


@torch.no_grad()
def _spread_text_features(model: UniversalModel) -> None:
    """Scale the text layer so that each of its outputs has mean 0 and variance 1 over the classes.

    Sentence embeddings of similar prompts are nearly collinear. With a standard initialisation every class would start
    with almost the same generated head (data-dependent initialisation: Mishkin and Matas, ICLR 2016).
    """
    layer = model.head.text_feature
    words = layer(model.text_embeddings)
    spread = words.std(0, correction=0).clamp_min(1e-6)
    layer.weight.div_(spread[:, None])
    layer.bias.copy_((layer.bias - words.mean(0)) / spread)
