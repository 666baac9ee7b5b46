"""What a phrase was understood to mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class How(StrEnum):
    """How a phrase was understood, from the most to the least direct."""

    EXACT = "exact"
    """By key or English display name."""
    SYNONYM = "synonym"
    """By a synonym, an abbreviation, another dataset's name, a code, or several English words put together."""
    GROUP = "group"
    """Several structures by one collective word, also both sides of a pair."""
    LANGUAGE = "language"
    """By words of another language."""
    SPELLING = "spelling"
    """After correction of a small spelling error."""
    NEAREST = "nearest"
    """The name with the nearest text embedding."""
    REFUSED = "refused"
    """Not at all."""

    def weaker(self, other: How) -> How:
        """The less direct of two ways."""
        order = list(How)
        return max(self, other, key=order.index)


@dataclass(frozen=True)
class Understanding:
    """What a phrase was understood to mean.

    Attributes:
        query: The phrase as given.
        structures: Keys of structures, each once; empty if the phrase was refused.
        how: How it was understood; for a list of names, the least direct way of all.
        notes: What the user should know, e.g. that a class of lesions has no side.
        reason: Why it was refused.
        suggestions: Words that were possibly meant, if it was refused.
        collective: Those of the structures that only a collective word names ("all organs").
        distance: Cosine distance of the nearest name's embedding (0: equal), if it was computed.
    """

    query: str
    structures: tuple[str, ...] = ()
    how: How = How.REFUSED
    notes: tuple[str, ...] = ()
    reason: str = ""
    suggestions: tuple[str, ...] = ()
    collective: tuple[str, ...] = ()
    distance: float | None = None

    def __bool__(self) -> bool:
        """Whether it was understood."""
        return bool(self.structures)

    def to_json(self) -> dict[str, Any]:
        """An element of `omentum classes --explain --json`."""
        return {"query": self.query, "structures": list(self.structures), "how": self.how.value}

    def __str__(self) -> str:
        """One line for a user."""
        if not self:
            hint = f"; did you mean {' or '.join(map(repr, self.suggestions))}?" if self.suggestions else ""
            return f"{self.query!r}: not understood: {self.reason}{hint}"
        also = f", embedding distance {self.distance:.2f}" if self.distance is not None else ""
        notes = "".join(f"; {note}" for note in self.notes)
        return f"{self.query!r}: {', '.join(self.structures)} ({self.how}{also}){notes}"
