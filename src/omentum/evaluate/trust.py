"""How far weights can be trusted with each class, by the scores of an evaluation.

An organ or vessel is reliable from a mean Dice of `RELIABLE_DICE` on, over all cases that have it or in which it was
invented, and not found below `FOUND_DICE`. A lesion type is reliable if at least half of the lesions were found and at
least half of what was found are lesions; it is not found if a smaller share than `FOUND_LESIONS` was. All between is
weak. From few cases nothing follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omentum.anatomy.pairs import kind_of, members
from omentum.errors import UsageError
from omentum.spec import Trust

RELIABLE_DICE, FOUND_DICE = 0.75, 0.05
RELIABLE_LESIONS, FOUND_LESIONS = 0.5, 0.1
"""Minimum sensitivity and precision of a reliable lesion type; sensitivity below which a type is "not found"."""
LEAST = 3
"""Minimum number of cases with a structure, or of lesions of a type, for any statement."""


def trust_of(scores: Mapping[str, Any]) -> dict[str, Trust]:
    """Structure key -> how far, of those that there is enough of.

    Args:
        scores: Of `omentum evaluate --json`. A pair evaluated as one says the same of both sides.

    Raises:
        KeyError, TypeError: they are something else.
        UsageError: an unknown structure.
    """
    found: dict[str, Trust] = {}
    for name, row in scores["summary"]["structures"].items():
        verdict = _of_lesions(row["lesions"]) if kind_of(name).is_lesion else _of_organ(row["dice"])
        if verdict is not None:
            found |= dict.fromkeys(members(name), verdict)
    return found


def parse_trust(word: str) -> Trust:
    """A word for trust; "not-found" is "not found", too.

    Raises:
        UsageError: no such word.
    """
    try:
        return Trust(word.strip().lower().replace("-", " ").replace("_", " "))
    except ValueError:
        raise UsageError(f"{word!r} says nothing of trust", remedy=f"one of {', '.join(Trust)}") from None


def _of_organ(dice: Mapping[str, Any]) -> Trust | None:
    if dice["n"] < LEAST:
        return None
    if dice["mean"] < FOUND_DICE:
        return Trust.NOT_FOUND
    return Trust.RELIABLE if dice["mean"] >= RELIABLE_DICE else Trust.WEAK


def _of_lesions(counts: Mapping[str, Any] | None) -> Trust | None:
    if counts is None:  # looked for in no case
        return None
    hits, missed, false = (counts[name] for name in ("true_positives", "false_negatives", "false_positives"))
    if hits + missed < LEAST:
        # Too few to be missed; enough inventions are no reason for trust.
        return Trust.WEAK if false >= LEAST and false > hits else None
    if hits < FOUND_LESIONS * (hits + missed):
        return Trust.NOT_FOUND
    return Trust.RELIABLE if min(hits / (hits + missed), hits / (hits + false)) >= RELIABLE_LESIONS else Trust.WEAK
