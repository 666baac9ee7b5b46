"""Scope of an evaluation: which structures of a case are evaluated, and why others are not.

All annotated structures are evaluated. A structure missing in the prediction counts as missed, unless it is known that
it was not requested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import members, pair_of

NO_CLASS = "no class of the prediction"
NO_PREDICTION = "no prediction, and none in the reference"


@dataclass(frozen=True)
class Scope:
    """Structures that a prediction is evaluated on.

    Args:
        asked: Requested structures, in addition to its classes; None if unknown, which means all.
        reason: Reason for leaving out annotated structures that were not requested.
        only: If given, only these are evaluated, even among its classes.
        excluded: Structure key -> reason why it cannot be evaluated in this case.
        joined: Pairs ("kidneys") evaluated as one structure, because one of the label maps does not separate the sides.
    """

    asked: frozenset[str] | None
    reason: str = NO_CLASS
    only: bool = False
    excluded: Mapping[str, str] = field(default_factory=dict)
    joined: frozenset[str] = frozenset()

    def evaluated(self, classes: Iterable[str], annotated: frozenset[str]) -> tuple[str, ...]:
        """Keys to score, in template order; a joined pair takes the place of its right side.

        Args:
            classes: Classes of the prediction.
            annotated: Keys annotated in the reference.
        """
        keys = set(annotated if self.asked is None else annotated & self.asked)
        keys |= {key for key in classes if not self.only or key in (self.asked or ())}
        return self._joined(key for key in STRUCTURES.keys if key in keys - self.excluded.keys())

    def not_evaluated(self, evaluated: Iterable[str], annotated: frozenset[str]) -> dict[str, str]:
        """Annotated structures that are not evaluated, with the reason."""
        done = {key for one in evaluated for key in members(one)}
        rest = [key for key in STRUCTURES.keys if key in annotated - done]
        return {key: self._why(key) for key in self._joined(rest)}

    def _joined(self, keys: Iterable[str]) -> tuple[str, ...]:
        named = (pair if (pair := pair_of(key)) in self.joined else key for key in keys)
        return tuple(dict.fromkeys(key for key in named if key))

    def _why(self, key: str) -> str:
        return next((self.excluded[one] for one in members(key) if one in self.excluded), self.reason)


def in_order(keys: Iterable[str]) -> tuple[str, ...]:
    """Each key once, in template order, a pair directly before its right side."""
    order = STRUCTURES.keys.index
    return tuple(sorted(set(keys), key=lambda key: (order(members(key)[0]), -len(members(key)))))
