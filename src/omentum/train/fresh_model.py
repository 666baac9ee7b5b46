"""Create the initial model of a run: the network and the text embeddings of its class prompts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import MissingDependencyError
from omentum.model import UniversalModel, build, initialise
from omentum.model.named_parts import check_parts
from omentum.model.weights import locate
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec
from omentum.text.encoder import embed
from omentum.train.classes import run_classes
from omentum.train.config.settings import TrainConfig
from omentum.train.run.start import Start
from omentum.train.run.terms import citation_of, licence_of
from omentum.train.words import bundled_embeddings, prompts_of


def new_model(config: TrainConfig) -> UniversalModel:
    """A new model, initialised at random from torch's global generator or from `config.init`."""
    classes = run_classes(config)
    prompts = prompts_of(config, classes)
    embeddings = _embedded(prompts, config.text_encoder)
    terms = Start.of(config).terms
    spec = CheckpointSpec(
        model=ModelSpec(config.backbone, dict(config.parameters), text_width=embeddings.shape[1]),
        preprocess=config.preprocess,
        classes=tuple(ClassSpec(key, p) for key, p in zip(classes, prompts, strict=True)),
        text_encoder=config.text_encoder,
        licence=licence_of(terms),
        citation=citation_of(terms),
        structures=carried_rows(classes),
    )
    model = build(spec, embeddings)
    if config.spread_text:
        _spread_text_features(model)
    if config.first_logit:
        torch.nn.init.constant_(model.head.controller.bias[-1:], config.first_logit)
    if config.init:
        check_parts(model, config.init_parts, "init_parts")
        initialise(model, locate(config.init), config.init_parts)
    return model


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
