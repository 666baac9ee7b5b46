"""Which parts of a network learn; the others stay as they are, and cost no backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from omentum.errors import UsageError


def train_only(model: nn.Module, parts: Sequence[str]) -> None:
    """Let only some parameters learn.

    Args:
        model: Changed in place.
        parts: Beginnings of parameter names, whole components of them: "head" is "head.controller.weight" and not
            "header.weight". None: everything learns.

    Raises:
        UsageError: a part is the beginning of no parameter's name.
    """
    if not parts:
        return
    names = [name for name, _ in model.named_parameters()]
    for part in parts:
        if not any(_belongs(name, part) for name in names):
            known = dict.fromkeys(".".join(name.split(".")[:2]) for name in names)
            raise UsageError(f"trainable: the network has no part {part!r}", remedy=f"it has {', '.join(known)}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(_belongs(name, part) for part in parts))
    for module in model.modules():
        # Batch statistics are learned too: those of a frozen layer must not drift.
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(any(p.requires_grad for p in module.parameters()))


def _belongs(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
