"""Parts of a network by the beginnings of its parameter names."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from omentum.errors import UsageError


def in_parts(name: str, parts: Sequence[str]) -> bool:
    """Whether a parameter belongs to one of the parts; no parts are the whole network.

    A part is whole components of a name: "head" has "head.controller.weight" and not "header.weight".
    """
    return not parts or any(name == part or name.startswith(f"{part}.") for part in parts)


def check_parts(model: nn.Module, parts: Sequence[str], setting: str) -> None:
    """Every part must be the beginning of a parameter's name.

    Raises:
        UsageError: one is not; the message has the setting's name and the parts there are.
    """
    names = [name for name, _ in model.named_parameters()]
    for part in parts:
        if not any(in_parts(name, [part]) for name in names):
            known = dict.fromkeys(".".join(name.split(".")[:2]) for name in names)
            raise UsageError(f"{setting}: the network has no part {part!r}", remedy=f"it has {', '.join(known)}")
