"""Create the initial model of a run: the network and the text embeddings of its class prompts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import InputError, MissingDependencyError
from omentum.model import UniversalModel, build, initialise
from omentum.model.adapters import with_adapter
from omentum.model.head import TextDrivenHead
from omentum.model.named_parts import check_parts
from omentum.model.plain_head import PlainHead
from omentum.model.segmentation_head import SegmentationHead
from omentum.model.terms import citation_of, licence_of
from omentum.model.weights import locate
from omentum.spec import TEXT_SHA256, CheckpointSpec, ClassSpec, HeadKind, ModelSpec
from omentum.text.embedding_table import is_table
from omentum.text.encoder import embed, identity
from omentum.text.structure_embeddings import StructureEmbeddings, recorded_name, table_embeddings
from omentum.train.classes import run_classes
from omentum.train.config.settings import TrainConfig
from omentum.train.config.transfer_mode import TransferMode
from omentum.train.run.start import Start
from omentum.train.words import bundled_embeddings, prompts_of

NO_ENCODER = "none"
"""Text encoder of a model without text."""


def new_model(config: TrainConfig, classes: Sequence[str] | None = None) -> UniversalModel:
    """A new model, initialised at random from torch's global generator or from `config.init`.

    Args:
        config: Of the run.
        classes: Keys of its classes; by default what `config` says now: cases read since may have brought structures.
    """
    classes = run_classes(config) if classes is None else tuple(classes)
    text = _text_of(config, classes)
    terms = Start.of(config).terms
    kind = HeadKind.PLAIN if config.mode is TransferMode.PLAIN else HeadKind.TEXT
    spec = CheckpointSpec(
        model=ModelSpec(
            config.backbone,
            dict(config.parameters),
            text_width=text.rows.shape[1],
            head_channels=config.head_channels,
            head=kind,
        ),
        preprocess=config.preprocess,
        classes=tuple(ClassSpec(key, p) for key, p in zip(classes, text.prompts, strict=True)),
        text_encoder=text.encoder,
        training={TEXT_SHA256: text.sha256} if text.sha256 else {},
        licence=licence_of(terms),
        citation=citation_of(terms),
        structures=carried_rows(classes),
    )
    model = build(spec, text.rows)
    _set_first_outputs(model.head, model.text_embeddings, config)
    if config.init:
        check_parts(model, config.init_parts, "init_parts")
        initialise(model, locate(config.init), config.init_parts or config.mode.loaded_parts)
    if config.mode is TransferMode.ADAPTERS:
        return with_adapter(model, spec.classes, model.text_embeddings, rank=config.adapter_rank, keep_classes=False)
    return model


def _text_of(config: TrainConfig, classes: Sequence[str]) -> StructureEmbeddings:
    """Embeddings of the classes, from the language model or from a table; rows of 0 and 1 for a plain head."""
    if config.mode is TransferMode.PLAIN:
        keys = tuple(classes)
        return StructureEmbeddings(keys, tuple(prompts_of(config, keys)), torch.eye(len(keys)), NO_ENCODER, "")
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


def _set_first_outputs(head: SegmentationHead, text: torch.Tensor, config: TrainConfig) -> None:
    """Set the bias of every class, and spread the text features of the classes."""
    if isinstance(head, PlainHead):
        torch.nn.init.constant_(head.classifier.weight[-1:], config.first_logit)
        return
    assert isinstance(head, TextDrivenHead)
    if config.spread_text:
        spread_text_features(head.text_feature, text)
    if config.first_logit:
        torch.nn.init.constant_(head.controller.bias[-1:], config.first_logit)


@torch.no_grad()
def spread_text_features(layer: torch.nn.Linear, text: torch.Tensor) -> None:
    """Scale the text layer so that each of its outputs has mean 0 and variance 1 over several classes.

    Sentence embeddings of similar prompts are nearly collinear. With a standard initialisation every class would start
    with almost the same generated head (data-dependent initialisation: Mishkin and Matas, ICLR 2016).
    """
    if len(text) < 2:
        return
    words = layer(text)
    spread = words.std(0, correction=0).clamp_min(1e-6)
    layer.weight.div_(spread[:, None])
    layer.bias.copy_((layer.bias - words.mean(0)) / spread)
