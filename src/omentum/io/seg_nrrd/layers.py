"""Assign masks to layers: structures without common voxels share a layer, where one value per voxel represents them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

PATIENCE = 2_000
"""So many placements are tried for one layer less; no set of anatomical structures has come near it."""

Neighbours = Mapping[str, set[str]]


def share_layers(classes: Sequence[str], overlapping: Iterable[frozenset[str]]) -> dict[str, int]:
    """Assign each structure a layer, using as few layers as possible without overlap.

    This is graph colouring: tried with as many colours as the largest overlap has structures, then with one more, and
    so on. For each number of colours, the structure with the fewest remaining colours is next (DSATUR, Brélaz 1979),
    with backtracking.

    Args:
        classes: Structure keys; ties go to the first one.
        overlapping: Sets of keys that have a voxel in common.

    Returns:
        Layer of every key, from 0; a structure without overlap is in layer 0.
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
    """A colouring with this many colours; None if there is none or none was found in time."""
    placed: dict[str, int] = {}
    tries = 0

    def place() -> bool:
        nonlocal tries
        waiting = [key for key in keys if key not in placed]
        if not waiting:
            return True
        taken = {key: {placed[other] for other in beside[key] if other in placed} for key in waiting}
        key = max(waiting, key=lambda one: (len(taken[one]), len(beside[one])))
        # Unused colours are interchangeable, so only one of them is tried.
        for colour in range(min(number, max(placed.values(), default=-1) + 2)):
            tries += 1
            if colour not in taken[key] and tries <= PATIENCE:
                placed[key] = colour
                if place():
                    return True
                del placed[key]
        return False

    return placed if place() else None
