"""Operating points: the probability threshold of each structure.

A voxel belongs to a mask if its logit, interpolated to the grid of the CT, is strictly above log(t / (1 - t)); a
probability of exactly t is outside. This offset is subtracted from the logits of each window as the network returns
them, and all later steps compare with 0. Tests for positive logits (agreement of windows, growing of boxes, which
voxels to interpolate) therefore refer to the selected operating point. Where no window was run nothing is found,
however low the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from omentum.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from omentum.infer.sliding import Predictor

ALL = "all"
"""Key that stands for all structures in a mapping of thresholds."""

Thresholds = float | Mapping[str, float]
"""One threshold for all structures, or a mapping by key, synonym, plural or `all`; later entries override earlier
ones."""

_EXAMPLE = "for example 0.3, or liver_tumour=0.3"


def parse_thresholds(words: Iterable[str]) -> dict[str, float]:
    """Parse thresholds of the command line: "0.3" for all, "kidneys=0.4" for some.

    Raises:
        UsageError: the text does not have this form.
    """
    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise UsageError(f"{word!r} is no threshold", remedy=_EXAMPLE) from None
        if "=" in word and not name.strip():
            raise UsageError(f"{word!r} names no structure", remedy=_EXAMPLE)
        key = name.strip() or ALL
        found.pop(key, None)  # a repeated name takes the position of its last occurrence
        found[key] = value
    check_thresholds(found)
    return found


def check_thresholds(asked: Thresholds | None) -> None:
    """Refuse thresholds that are not between 0 and 1.

    Raises:
        UsageError: one is not between 0 and 1, exclusive.
    """
    for name, value in _by_name(asked).items():
        if not 0 < value < 1:
            raise UsageError(f"the threshold {value} of {name} is not between 0 and 1", remedy=_EXAMPLE)


def settle_thresholds(
    usual: Mapping[str, float], asked: Thresholds | None, keys_of: Callable[[str], Iterable[str]]
) -> dict[str, float]:
    """Combine the thresholds of the weights with requested ones.

    Args:
        usual: Thresholds of the weights; the result has the same keys in the same order.
        asked: Requested thresholds, which override them.
        keys_of: Function from a name to structure keys; raises for unknown names.

    Raises:
        UsageError: a name refers to none of these structures.
    """
    settled = dict(usual)
    for name, value in _by_name(asked).items():
        keys = settled.keys() if name == ALL else settled.keys() & set(keys_of(name))
        if not keys:
            raise UsageError(
                f"a threshold for {name!r}, which is not looked for", remedy=f"looked for are {', '.join(usual)}"
            )
        settled |= dict.fromkeys(keys, value)
    return settled


def settle_minimum_ml(
    words: Iterable[str], known: Iterable[str], keys_of: Callable[[str], Iterable[str]]
) -> dict[str, float]:
    """Smallest volumes of the command line, "liver_tumour=0.2", by structure key; later ones override earlier ones.

    Args:
        words: As written.
        known: Structure keys of the weights.
        keys_of: Function from a name to structure keys; raises for unknown names.

    Raises:
        UsageError: the text does not have this form, or names no structure of the weights.
    """
    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            ml = float(number)
        except ValueError:
            ml = math.nan
        keys = set(keys_of(name)) & set(known) if name else set()
        if not (0 <= ml < math.inf and keys):
            raise UsageError(f"{word!r} is no smallest volume of a structure", remedy="for example liver_tumour=0.2")
        found |= dict.fromkeys(sorted(keys), ml)
    return found


def logit(probability: float) -> float:
    """log(p / (1 - p)), exactly 0 for 0.5."""
    return math.log(probability / (1 - probability))


def above_thresholds(predict: Predictor, offsets: Sequence[float]) -> Predictor:
    """Predictor whose logits are positive above the thresholds; unchanged if all are 0.5.

    Args:
        predict: Windows (B, 1, x, y, z) -> logits (B, K, x, y, z), which may be modified in place.
        offsets: Logit of the threshold of each class.
    """
    moved = [(k, offset) for k, offset in enumerate(offsets) if offset]

    def shifted(windows: Tensor) -> Tensor:
        logits = predict(windows)
        for k, offset in moved:  # in place: a copy of the logits would dominate the memory of a window
            logits[:, k] -= offset
        return logits

    return shifted if moved else predict


def _by_name(asked: Thresholds | None) -> Mapping[str, float]:
    if asked is None:
        return {}
    return asked if isinstance(asked, Mapping) else {ALL: asked}
