"""Reliability of weights for each class, derived from an evaluation.

An organ or vessel is reliable if its mean Dice, misses and false positives included, is at least `RELIABLE_DICE`, and
"not found" below `FOUND_DICE`. A lesion type is reliable if sensitivity and precision are at least 0.5, and "not found"
if its sensitivity is below `FOUND_LESIONS`. Everything in between is weak. Structures with too few cases are left out.
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
    """Structure key -> reliability, for structures with enough cases.

    Args:
        scores: Document of `omentum evaluate --json`. A pair evaluated as one applies to both sides.

    Raises:
        KeyError, TypeError: `scores` is malformed.
        UsageError: an unknown structure.
    """
    found: dict[str, Trust] = {}
    for name, row in scores["summary"]["structures"].items():
        verdict = _of_lesions(row["lesions"]) if kind_of(name).is_lesion else _of_organ(row["dice"])
        if verdict is not None:
            found |= dict.fromkeys(members(name), verdict)
    return found


def parse_trust(word: str) -> Trust:
    """Parse a reliability; "not-found" is accepted for "not found".

    Raises:
        UsageError: unknown value.
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
    if counts is None:  # annotated in no case
        return None
    hits, missed, false = (counts[name] for name in ("true_positives", "false_negatives", "false_positives"))
    if hits + missed < LEAST:
        # Too few reference lesions to judge misses, but many false positives are still evidence against reliability.
        return Trust.WEAK if false >= LEAST and false > hits else None
    if hits < FOUND_LESIONS * (hits + missed):
        return Trust.NOT_FOUND
    return Trust.RELIABLE if min(hits / (hits + missed), hits / (hits + false)) >= RELIABLE_LESIONS else Trust.WEAK
