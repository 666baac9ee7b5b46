"""How alike the classes of trained weights are, from their text embeddings to the generated heads."""

from __future__ import annotations

from pathlib import Path

import torch

from omentum.errors import UsageError
from omentum.model import TextDrivenHead, UniversalModel, load_model
from omentum.model.low_rank import call
from omentum.model.routes import routes
from omentum.model.universal import HEAD
from omentum.report.class_map import ClassMap, ClassMapStage


def map_classes(weights: str | Path | UniversalModel = "default") -> ClassMap:
    """Compare the classes of weights before and after training.

    Three stages: the text embeddings, which training does not change; the text features, which the trained text layer
    makes of them; and the parameters of the generated heads. The image takes no part: one linear layer generates heads
    as the sum of an image and a text term, so their differences are the same for every CT.

    Args:
        weights: A name, a file or a model.

    Raises:
        UsageError: Unknown weights, a head without text, or fewer than three classes.
        CheckpointError: See `load_model`.
    """
    model = weights if isinstance(weights, UniversalModel) else load_model(weights)
    head, spec = model.head, model.spec
    name = "model" if isinstance(weights, UniversalModel) else Path(weights).name
    if not isinstance(head, TextDrivenHead):
        raise UsageError("its head has no text, so there is nothing to compare", source=name)
    ways = routes(spec)  # classes with an adapter have a head with additions
    with torch.inference_mode():
        text = model.text_embeddings.float()
        parts = [call(model.adapter_of(way), HEAD, head, "text_terms", text[[*way.channels]]) for way in ways]
    back = torch.tensor([channel for way in ways for channel in way.channels]).argsort()
    features, heads = (torch.cat(tables)[back] for tables in zip(*parts, strict=True))
    rows = {"text embeddings": text, "text features": features, "generated heads": heads}
    stages = tuple(ClassMapStage.of(stage, table.double().cpu().numpy()) for stage, table in rows.items())
    return ClassMap(spec.class_keys, stages, name, spec.text_encoder)
