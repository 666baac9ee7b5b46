"""Select trainable parameters; frozen ones cost no backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from omentum.model import UniversalModel
from omentum.model.low_rank import Adapter
from omentum.model.named_parts import check_parts, in_parts
from omentum.model.universal import BACKBONE


def train_only(model: nn.Module, parts: Sequence[str]) -> None:
    """Freeze all parameters except the selected ones.

    Args:
        model: Changed in place.
        parts: Prefixes of parameter names; see `in_parts`. None: everything is trained.

    Raises:
        UsageError: A prefix matches no parameter.
    """
    check_parts(model, parts, "trainable")
    if not parts:
        return
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(in_parts(name, parts))
    for module in model.modules():
        # Batch statistics are learned too: those of a frozen layer must not drift.
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(any(p.requires_grad for p in module.parameters()))


def backbone_learns(model: UniversalModel) -> bool:
    """Whether anything is trained that changes the backbone's features: its parameters, or an adapter of it."""
    adapters = [adapter for adapter in model.adapters if isinstance(adapter, Adapter) and adapter.changes(BACKBONE)]
    return any(p.requires_grad for part in (model.backbone, *adapters) for p in part.parameters())
