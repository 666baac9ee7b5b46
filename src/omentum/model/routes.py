"""Which classes are computed with which weights: without additions, or with those of an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from omentum.spec import CheckpointSpec


@dataclass(frozen=True)
class Route:
    """Classes that are computed with the same weights.

    Args:
        adapter: Position of the adapter in `CheckpointSpec.adapters`; None for the weights without additions.
        channels: Positions of the classes in `CheckpointSpec.classes`.
        places: Their positions in the output.
    """

    adapter: int | None
    channels: tuple[int, ...]
    places: tuple[int, ...]


def routes(spec: CheckpointSpec, classes: Sequence[int] | None = None) -> tuple[Route, ...]:
    """Divide classes among the adapters; the one without additions comes first.

    Args:
        spec: The checkpoint.
        classes: Channels wanted, by position in `spec.classes`; all by default.
    """
    adapter_of = {key: number for number, adapter in enumerate(spec.adapters) for key in adapter.classes}
    wanted = range(len(spec.classes)) if classes is None else classes
    keys = spec.class_keys
    found: dict[int | None, list[tuple[int, int]]] = {}
    for place, channel in enumerate(wanted):
        found.setdefault(adapter_of.get(keys[channel]), []).append((channel, place))
    order = sorted(found, key=lambda adapter: -1 if adapter is None else adapter)
    return tuple(Route(adapter, *map(tuple, zip(*found[adapter], strict=True))) for adapter in order)


def in_order(parts: Sequence[Tensor], ways: Sequence[Route]) -> Tensor:
    """Logits of several routes as one tensor, channels in the order they were asked for.

    Args:
        parts: Of each route, [B, its number of classes, ...].
        ways: The routes.
    """
    if len(parts) == 1:
        return parts[0]
    places = [place for way in ways for place in way.places]
    where = sorted(range(len(places)), key=places.__getitem__)
    return torch.cat(list(parts), 1)[:, where]
