"""The words of a part of a phrase by their role: names, adjectives, words for lesions, unknown ones."""

from __future__ import annotations

from dataclasses import dataclass

from omentum.anatomy.structure import Kind
from omentum.anatomy.structures import STRUCTURES
from omentum.anatomy.vocabulary.lexicon import ALL, Lexicon, Meaning, Tokens
from omentum.anatomy.vocabulary.understanding import How

NOT_KNOWN = "not known"
"""End of the reason for words without a meaning."""
LONGEST = 8
"""Tokens of the longest name."""


class NotUnderstoodError(Exception):
    """A phrase that means nothing in the table.

    Args:
        reason: For the user.
        unknown: Tokens without a meaning, if these are the reason.
        suggestions: Keys or words that were possibly meant.
    """

    def __init__(self, reason: str, unknown: Tokens = (), suggestions: Tokens = ()) -> None:
        super().__init__(reason)
        self.reason, self.unknown, self.suggestions = reason, unknown, suggestions


@dataclass(frozen=True)
class Items:
    """Words of a part by their role."""

    names: list[tuple[Tokens, Meaning]]
    adjectives: list[Meaning]
    lesions: list[tuple[str, Kind, How]]
    unknown: list[str]
    has_all: bool


def divided(base: Tokens, lexicon: Lexicon) -> Items:
    """Find the longest names from left to right."""
    items = Items([], [], [], [], ALL in base)
    start = 0
    while start < len(base):
        word = base[start]
        lengths = range(min(LONGEST, len(base) - start), 0, -1)
        length = next((n for n in lengths if lexicon.find(base[start : start + n])), 0)
        if length and base[start : start + length] != (ALL,):
            found = lexicon.find(base[start : start + length])
            assert found is not None
            items.names.append((base[start : start + length], found))
        elif word in lexicon.lesions:
            items.lesions.append((word, *lexicon.lesions[word]))
        elif word in lexicon.adjectives:
            items.adjectives.append(lexicon.adjectives[word])
        elif word not in lexicon.plain and word not in lexicon.origins and word != ALL:
            items.unknown.append(word)
        start += max(length, 1)
    ignored = [word for word in base if word in lexicon.origins | lexicon.plain]
    is_lesion = bool(items.lesions) or (bool(items.names) and are_lesions(items.names[0][1].keys))
    has_organ = bool(items.names or items.adjectives)
    items.unknown.extend(w for w in ignored if not is_lesion or (w in lexicon.origins and not has_organ))
    return items


def are_lesions(keys: Tokens) -> bool:
    """Whether all are lesions."""
    return all(STRUCTURES[key].is_lesion for key in keys)
