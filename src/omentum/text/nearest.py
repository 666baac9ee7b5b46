"""The name with the nearest text embedding, for words that no rule understands.

A general sentence encoder measures the topic of a text: "near the adrenal gland" is at 0.09 from "adrenal gland", and
"spleen disorder" at 0.12 from "spleen", nearer than most paraphrases. Phrases with a known word are therefore never
matched (`omentum.anatomy.vocabulary.explain`), and the limits are strict: docs/how-to/words.md has the figures.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import TYPE_CHECKING

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import PAIRS, find_pair, pair_of
from omentum.errors import OmentumError

if TYPE_CHECKING:
    import torch

LIMIT = 0.2
"""Largest cosine distance that counts as near; chosen on tests/anatomy/vocabulary/development.toml."""
MARGIN = 0.1
"""By how much the nearest name of any other structure has to be farther."""


def nearest_name(phrase: str) -> tuple[tuple[str, ...], float] | None:
    """The structures whose name is nearest to a phrase.

    Args:
        phrase: Words of a user.

    Returns:
        Keys and cosine distance; None if nothing is within `LIMIT`, if another structure is nearly as near, or if no
        text encoder is installed.
    """
    found = nearest_distances(phrase)
    if len(found) < 2 or found[0][1] > LIMIT or found[1][1] - found[0][1] < MARGIN:
        return None
    return found[0]


def nearest_distances(phrase: str) -> list[tuple[tuple[str, ...], float]]:
    """Every structure (or pair) with the distance of its nearest name, the nearest first; empty without an encoder."""
    if importlib.util.find_spec("transformers") is None:
        return []
    from omentum.text.encoder import embed

    try:
        names = _embedded_names(STRUCTURES.revision)
        vector = _unit(embed([phrase]))[0]
    except OmentumError:
        return []
    nearest: dict[tuple[str, ...], float] = {}
    for keys, distance in zip(names[0], (1 - names[1] @ vector).tolist(), strict=True):
        nearest[keys] = min(distance, nearest.get(keys, 2.0))
    return sorted(nearest.items(), key=lambda one: one[1])


@lru_cache(maxsize=1)
def _embedded_names(revision: int) -> tuple[list[tuple[str, ...]], torch.Tensor]:
    """Embeddings of all English names; of a pair only those without a side."""
    from omentum.text.encoder import embed

    said: dict[str, tuple[str, ...]] = {}
    for row in STRUCTURES:
        pair = pair_of(row.key)
        if pair is None:
            said |= {name.casefold().replace("_", " "): (row.key,) for name in (row.noun, row.display, *row.synonyms)}
        else:
            names = [name.casefold().replace(row.side or "", "").replace("_", " ").strip() for name in row.names]
            said |= {name: PAIRS[pair] for name in names if find_pair(name) == pair}
            said[pair.replace("_", " ")] = PAIRS[pair]
    names = [name for name in said if len(name) > 3]  # what an abbreviation means, an encoder does not know
    return [said[name] for name in names], _unit(embed(names))


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    normed: torch.Tensor = vectors / vectors.norm(dim=1, keepdim=True)
    return normed
