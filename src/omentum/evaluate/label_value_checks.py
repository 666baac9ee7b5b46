"""Plausibility of the label values of a reference, checked by the positions of structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.errors import UsageError
from omentum.evaluate.mapping import load_mapping, packaged_mappings
from omentum.segmentation import Segmentation

ELSEWHERE_DICE, OTHER_DICE = 0.1, 0.5
"""A name is contradicted if the Dice with its own structure is below the first and with another above the second."""
LEAST = 2
"""Minimum number of contradicted names; a single one may be the prediction's error if others fit."""
FITS_DICE = 0.5
"""Minimum mean Dice for suggesting a dataset's label values."""
MOST_SUGGESTED = 3

Meanings = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True)
class Contradiction:
    """Label value whose assumed structure and position disagree.

    Args:
        value: Label value.
        name, place: Keys of the assumed structure, and of the one found at that position.
        dice: Dice with the structure found there.
    """

    value: int
    name: str
    place: str
    dice: float


def contradictions(found: Segmentation, reference: Segmentation) -> list[Contradiction]:
    """Label values of a reference, read by the template, that contradict a prediction.

    Fewer than `LEAST` are returned only if the prediction confirms none of the other values (for example a liver with
    value 1, the spleen's, and nothing else). Swapped sides are not a question of label values and are not returned.

    Args:
        found: Prediction with known structures.
        reference: Reference on the same grid, read with the label values of the template.
    """
    told = []
    dice = _dice(found.labelmap(), reference.labelmap())
    for row in STRUCTURES:
        if not dice[:, row.index].any():
            continue
        best = int(dice[:, row.index].argmax())
        place = next(other.key for other in STRUCTURES if other.index == best)
        if dice[row.index, row.index] < ELSEWHERE_DICE and dice[best, row.index] > OTHER_DICE and place != row.pair:
            told.append(Contradiction(row.index, row.key, place, float(dice[best, row.index])))
    is_borne_out = bool((dice.diagonal() > OTHER_DICE).any())
    return told if len(told) >= LEAST or not is_borne_out else []


def fitting_mappings(found: Segmentation, reference: Segmentation) -> list[str]:
    """Values of `--mapping` that fit the prediction best; empty if none fits.

    Args:
        found: Prediction with known structures.
        reference: Reference on the same grid, read with the label values of the template.
    """
    numbers, labels = found.labelmap(), reference.labelmap()
    counts = _counts(numbers, labels)
    fits = {name: _fit(meanings, counts) for name, meanings in _known().items()}
    best = max(fits.values(), default=0.0)
    return [name for name, fit in fits.items() if fit == best][:MOST_SUGGESTED] if best >= FITS_DICE else []


def _known() -> dict[str, Meanings]:
    known: dict[str, Meanings] = {}
    for name in (*packaged_mappings(), *bundled_recipes()):
        try:
            known[name] = load_mapping(name).labels
        except UsageError:  # masks, no label values
            continue
    return known


def _fit(meanings: Meanings, counts: NDArray[np.float64]) -> float:
    """Mean Dice of the label values that occur, each against all its structures; values without a meaning count 0.

    Lesions are ignored: predictions may miss them or find others.
    """
    present = [value for value in range(1, counts.shape[1]) if counts[:, value].any()]
    each = []
    for value in present:
        keys = meanings.get(value, ())
        if any(STRUCTURES[key].is_lesion for key in keys):
            continue
        rows = [STRUCTURES[key].index for key in keys]
        inside, size = counts[rows, value].sum(), counts[rows].sum() + counts[:, value].sum()
        each.append(2 * inside / size if size else 0.0)
    return float(np.mean(each)) if each else 0.0


def _dice(numbers: NDArray[np.uint16], labels: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Dice between every value of the first (rows) and of the second (columns); 0 for background."""
    counts = _counts(numbers, labels)
    sizes = counts.sum(axis=1)[:, None] + counts.sum(axis=0)
    dice = np.divide(2 * counts, sizes, out=np.zeros_like(counts), where=sizes > 0)
    dice[0], dice[:, 0] = 0, 0
    return np.asarray(dice)


def _counts(numbers: NDArray[np.uint16], labels: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Joint histogram of both label maps; every structure has a row and a column."""
    n = max(row.index for row in STRUCTURES) + 1
    joint = np.bincount((numbers.astype(np.int64) * n + labels).ravel(), minlength=n * n)
    return joint.reshape(n, n).astype(np.float64)
