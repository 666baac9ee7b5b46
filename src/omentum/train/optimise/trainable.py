"""Which parts of a network learn; the others stay as they are, and cost no backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from omentum.model.named_parts import check_parts, in_parts


def train_only(model: nn.Module, parts: Sequence[str]) -> None:
    """Let only some parameters learn.

    Args:
        model: Changed in place.
        parts: Beginnings of parameter names; see `in_parts`. None: everything learns.

    Raises:
        UsageError: a part is the beginning of no parameter's name.
    """
    check_parts(model, parts, "trainable")
    if not parts:
        return
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(in_parts(name, parts))
    for module in model.modules():
        # PatchBatch statistics are learned too: those of a frozen layer must not drift.
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(any(p.requires_grad for p in module.parameters()))
