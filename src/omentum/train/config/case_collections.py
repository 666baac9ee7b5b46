"""Collections of cases to train on: `[[data]]` and `[[pairs]]` of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.errors import UsageError


@dataclass(frozen=True)
class DataConfig:
    """One collection of cases.

    Args:
        folder: Folder of case folders, as written by `omentum phantom`.
        store: Alternative to `folder`: a store written by `omentum data prepare`, on the grid of this run.
        weight: Sampling weight, relative to other collections with as many cases.
        weights: For a store: additional weight per dataset key, multiplied by `weight`.
        validation: Number of cases held out for validation, from each dataset in turn. With a split: maximum number of
            its held-out cases to validate on (0: all of them).
        licence: Licence of the cases, recorded with the trained weights; for a store, taken from the recipes.
    """

    folder: str = ""
    store: str = ""
    weight: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    validation: int = 0
    licence: str = ""

    def __post_init__(self) -> None:
        if bool(self.folder) == bool(self.store):
            raise UsageError("[[data]] needs a folder or a store, one of the two")
        if self.weights and not self.store:
            raise UsageError("[data.weights] names the datasets of a store", remedy="give the folder one weight")
        _check_weights("[[data]]", self.weight, *self.weights.values())
        if self.validation < 0:
            raise UsageError(f"validation in [[data]] is a number of cases from 0 on, got {self.validation}")


@dataclass(frozen=True)
class PairConfig:
    """One CT with a label map in any numbering.

    Args:
        image, labels: Image files on one grid.
        mapping: Label value -> structure keys; only the structures named here count as annotated.
        weight: Sampling weight, relative to a collection with one case.
        licence: Licence of the case, recorded with the trained weights.
    """

    image: str
    labels: str
    mapping: Mapping[str, Any]
    weight: float = 1.0
    licence: str = ""

    def __post_init__(self) -> None:
        _check_weights("[[pairs]]", self.weight)
        for value, keys in self.mapping.items():
            names = [keys] if isinstance(keys, str) else keys
            whole = str(value).removeprefix("-").isdecimal()
            if not whole or not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
                remedy = 'for example {1 = "liver", 2 = ["liver", "liver tumour"]}'
                raise UsageError(f"mapping in [[pairs]] has no {value} = {keys!r}", remedy=remedy)


def _check_weights(place: str, *weights: float) -> None:
    if not all(isinstance(weight, int | float) and 0 < weight < math.inf for weight in weights):
        raise UsageError(f"weights in {place} must be above 0 and finite, got {', '.join(map(repr, weights))}")
