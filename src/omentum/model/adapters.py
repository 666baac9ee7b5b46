"""New classes for a trained model without touching what it does for the others.

    >>> adapted = with_adapter(model, classes, text, rank=4)          # all old classes, and the new ones
    >>> alone = with_adapter(model, classes, text, keep_classes=False)  # the new ones only: cheap to train
    >>> TrainConfig(trainable=newest_adapter(alone), ...)               # nothing else may be trained
    >>> whole = joined(model, alone)                                   # old classes as in `model`, to the bit

Old classes run through the weights without additions, so their logits are those of the parent, bit for bit, whatever
the adapter learns. New classes run through weights with additions (`omentum.model.low_rank`); a fresh adapter adds
zero, so that training begins with what the parent's head makes of the new words.

Cost: a second pass through the backbone for windows in which classes of both kinds are wanted (one more for every
further adapter); none if `parts` is `HEAD_ONLY`: then all classes share the features of the frozen backbone and the new
ones have a head of their own. Growth: `parameter_growth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from omentum.errors import UsageError
from omentum.model.build import build
from omentum.model.universal import UniversalModel
from omentum.spec import AdapterSpec, ClassSpec

HEAD_ONLY = ("head",)
"""`AdapterSpec.parts` of a head of its own for the new classes on the shared, frozen backbone."""


def with_classes(model: UniversalModel, classes: Sequence[ClassSpec], text: Tensor) -> UniversalModel:
    """A copy of a model with classes that share its weights: what it makes of their words without training.

    Args:
        model: The parent; it is not changed.
        classes: The new classes, none of which the model has; they come last.
        text: Their embeddings, float [len(classes), text_width].

    Raises:
        UsageError: a class that the model has.
        CheckpointError: embeddings of another shape.
    """
    _refuse_known(model, classes)
    spec = replace(model.spec, classes=(*model.spec.classes, *classes))
    made = build(spec, torch.cat([model.text_embeddings, text.to(model.text_embeddings)]))
    _copy(model, made, len(spec.adapters))
    return made.to(model.text_embeddings.device).train(model.training)


def with_adapter(
    model: UniversalModel,
    classes: Sequence[ClassSpec],
    text: Tensor,
    *,
    rank: int = 4,
    parts: Sequence[str] = (),
    keep_classes: bool = True,
) -> UniversalModel:
    """A copy of a model with classes that have an adapter of their own.

    Args:
        model: The parent; it is not changed. It may have adapters already.
        classes: The new classes, none of which the model has.
        text: Their embeddings, float [len(classes), text_width], of the parent's text encoder.
        rank: Of the additions to kernels and matrices.
        parts: Beginnings of the parameter names that are added to; all of the network by default.
        keep_classes: False: the result has the new classes alone and no adapter of the parent, e.g. to train it.

    Raises:
        UsageError: no class, a class that the model has, or a part that the network does not have.
        CheckpointError: embeddings of another shape.
    """
    keys = tuple(one.key for one in classes)
    if keep_classes:
        _refuse_known(model, classes)
    if not keys:
        raise UsageError("no class to add", remedy="name at least one")
    old = model.spec if keep_classes else replace(model.spec, classes=(), adapters=(), second_pass=None)
    spec = replace(
        old, classes=(*old.classes, *classes), adapters=(*old.adapters, AdapterSpec(keys, rank, tuple(parts)))
    )
    rows = [model.text_embeddings] if keep_classes else []
    made = build(spec, torch.cat([*rows, text.to(model.text_embeddings)]))
    fresh = made.adapters[-1]
    if not list(fresh.parameters()):
        raise UsageError(f"the network has no part {', '.join(parts)}", remedy="parts are backbone, head, or within")
    _copy(model, made, len(old.adapters))
    return made.to(model.text_embeddings.device).train(model.training)


def joined(parent: UniversalModel, alone: UniversalModel) -> UniversalModel:
    """The parent with the classes, the adapter and the text embeddings of a model of new classes alone.

    Args:
        parent: Its tensors are copied as they are; it is not changed.
        alone: Made of it by `with_adapter(..., keep_classes=False)`, and trained (`newest_adapter` only). Its backbone
            and head are ignored, so they may have been rounded.

    Raises:
        UsageError: `alone` is not a model of one adapter, or the parent has one of its classes.
    """
    if len(alone.spec.adapters) != 1 or alone.spec.adapters[0].classes != alone.spec.class_keys:
        raise UsageError("not a model whose classes have one adapter", remedy="with_adapter(..., keep_classes=False)")
    adapter = alone.spec.adapters[0]
    whole = with_adapter(parent, alone.spec.classes, alone.text_embeddings, rank=adapter.rank, parts=adapter.parts)
    whole.adapters[-1].load_state_dict(alone.adapters[0].state_dict())
    return whole


def newest_adapter(model: UniversalModel) -> tuple[str, ...]:
    """What may be trained of a model whose last adapter is new, for `TrainConfig.trainable`; empty without adapters."""
    return (f"adapters.{len(model.adapters) - 1}",) if len(model.adapters) else ()


def parameter_growth(model: UniversalModel) -> float:
    """Parameters of all adapters and of their classes' embeddings, as a share of the network without them."""
    plain = sum(p.numel() for part in (model.backbone, model.head) for p in part.parameters())
    added = sum(p.numel() for p in model.adapters.parameters())
    words = sum(len(adapter.classes) for adapter in model.spec.adapters) * model.spec.model.text_width
    return (added + words) / plain if added else 0.0


def _refuse_known(model: UniversalModel, classes: Sequence[ClassSpec]) -> None:
    if known := [one.key for one in classes if one.key in model.spec.class_keys]:
        raise UsageError(f"the model knows {', '.join(known)} already", remedy="train these further, or leave them out")


@torch.no_grad()
def _copy(source: UniversalModel, target: UniversalModel, adapters: int) -> None:
    """Backbone, head and so many adapters."""
    second = ("second_pass",) if target.second_pass is not None else ()
    for part in ("backbone", "head", *second, *(f"adapters.{number}" for number in range(adapters))):
        target.get_submodule(part).load_state_dict(source.get_submodule(part).state_dict())
