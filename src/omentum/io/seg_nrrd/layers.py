"""Which masks can share a layer: structures that have no voxel in common, so that one number a voxel says them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

PATIENCE = 2_000
"""So many placements are tried for one layer less; no set of anatomical structures has come near it."""

Neighbours = Mapping[str, set[str]]


def share_layers(classes: Sequence[str], overlapping: Iterable[frozenset[str]]) -> dict[str, int]:
    """Give each structure a layer, as few in all as keep what overlaps apart.

    This is the colouring of a graph: tried with as many colours as the largest overlap has structures, then with one
    more, and so on. Within a number of colours the structure with the fewest left to it comes first (Brélaz 1979),
    with a way back.

    Args:
        classes: Structure keys; of two that could go first, the first one does.
        overlapping: Sets of keys that have a voxel in common.

    Returns:
        Layer of every key, counted from 0; what overlaps nothing is in layer 0.
    """
    sets = [keys for keys in overlapping if len(keys) > 1]
    beside: dict[str, set[str]] = {key: set() for key in classes}
    for keys in sets:
        for key in keys:
            beside[key] |= keys - {key}
    crowded = [key for key in classes if beside[key]]
    number = max((len(keys) for keys in sets), default=1)
    while (found := _coloured(crowded, beside, number)) is None:
        number += 1
    return {key: found.get(key, 0) for key in classes}


def _coloured(keys: Sequence[str], beside: Neighbours, number: int) -> dict[str, int] | None:
    """A colouring with so many colours; None where there is none, or none was found in time."""
    placed: dict[str, int] = {}
    tries = 0

    def place() -> bool:
        nonlocal tries
        waiting = [key for key in keys if key not in placed]
        if not waiting:
            return True
        taken = {key: {placed[other] for other in beside[key] if other in placed} for key in waiting}
        key = max(waiting, key=lambda one: (len(taken[one]), len(beside[one])))
        # Colours that nobody has yet are all alike: one of them is tried for all.
        for colour in range(min(number, max(placed.values(), default=-1) + 2)):
            tries += 1
            if colour not in taken[key] and tries <= PATIENCE:
                placed[key] = colour
                if place():
                    return True
                del placed[key]
        return False

    return placed if place() else None
