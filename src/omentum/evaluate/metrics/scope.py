"""Which structures of a case are evaluated, and why the others are not.

What the reference annotates is evaluated. A prediction without a structure missed it, unless something says that it was
never asked for: silence is no excuse.
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
    """What a prediction is held to.

    Args:
        asked: Structures it was asked for, beyond its own classes; None when nobody says, which means all of them.
        reason: Why what is annotated, but not asked for, is left out.
        only: Nothing else is evaluated, not even among its classes.
        excluded: Structure key -> why it cannot be evaluated in this case.
        joined: Pairs ("kidneys") evaluated as one structure, since one of the two label maps does not tell their sides.
    """

    asked: frozenset[str] | None
    reason: str = NO_CLASS
    only: bool = False
    excluded: Mapping[str, str] = field(default_factory=dict)
    joined: frozenset[str] = frozenset()

    def evaluated(self, classes: Iterable[str], annotated: frozenset[str]) -> tuple[str, ...]:
        """Keys to be scored, in template order; a joined pair stands where its right side would.

        Args:
            classes: Of the prediction.
            annotated: In the reference.
        """
        keys = set(annotated if self.asked is None else annotated & self.asked)
        keys |= {key for key in classes if not self.only or key in (self.asked or ())}
        return self._joined(key for key in STRUCTURES.keys if key in keys - self.excluded.keys())

    def not_evaluated(self, evaluated: Iterable[str], annotated: frozenset[str]) -> dict[str, str]:
        """What is annotated and not evaluated, and why."""
        done = {key for one in evaluated for key in members(one)}
        rest = [key for key in STRUCTURES.keys if key in annotated - done]
        return {key: self._why(key) for key in self._joined(rest)}

    def _joined(self, keys: Iterable[str]) -> tuple[str, ...]:
        named = (pair if (pair := pair_of(key)) in self.joined else key for key in keys)
        return tuple(dict.fromkeys(key for key in named if key))

    def _why(self, key: str) -> str:
        return next((self.excluded[one] for one in members(key) if one in self.excluded), self.reason)


def in_order(keys: Iterable[str]) -> tuple[str, ...]:
    """Each key once, in template order, a pair right before its right side."""
    order = STRUCTURES.keys.index
    return tuple(sorted(set(keys), key=lambda key: (order(members(key)[0]), -len(members(key)))))
