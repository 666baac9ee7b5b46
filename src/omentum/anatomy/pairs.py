"""Paired structures (right and left), and the words for both at once."""

from __future__ import annotations

from collections.abc import Mapping

from omentum.anatomy.structure import Structure, normalise
from omentum.anatomy.structures import SIDELESS_WORDS, STRUCTURES, LiveTable, pairs_of

_DEFAULT: dict[str, tuple[str, str]] = {
    "kidneys": ("right_kidney", "left_kidney"),
    "lungs": ("right_lung", "left_lung"),
    "adrenals": ("right_adrenal", "left_adrenal"),
    "femoral_heads": ("right_femoral_head", "left_femoral_head"),
}


def _pairs() -> dict[str, tuple[str, str]]:
    written = set(_DEFAULT.values())
    others = pairs_of({row.key: row for row in STRUCTURES})
    return _DEFAULT | {word: sides for word, sides in others.items() if sides not in written}


PAIRS: Mapping[str, tuple[str, str]] = LiveTable(_pairs)
"""Pair key -> (right, left). Datasets that give both one number are split by side."""

_BY_WORD: Mapping[str, str] = LiveTable(
    lambda: {normalise(word): key for key in PAIRS for word in (key, *SIDELESS_WORDS.get(key, ()))}
)


def find_pair(name: str) -> str | None:
    """The pair denoted by a word without a side ("kidney", "adrenal glands"), or None."""
    return _BY_WORD.get(normalise(name))


def pair_of(structure: str) -> str | None:
    """The pair to which a structure belongs, or None."""
    return next((key for key, sides in PAIRS.items() if structure in sides), None)


def members(key: str) -> tuple[str, ...]:
    """Structures denoted by a key: both sides of a pair, else the structure itself."""
    return PAIRS.get(key, (key,))


def kind_of(key: str) -> Structure:
    """Table row of a structure; for a pair, that of its right side, since the left differs in the side only."""
    return STRUCTURES[members(key)[0]]


def display_of(key: str) -> str:
    """Display name of a structure or a pair."""
    return key.replace("_", " ").capitalize() if key in PAIRS else STRUCTURES[key].display
