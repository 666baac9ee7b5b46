"""The table of rules (see the head of rules.toml), typed and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """How one structure is cleaned; the default does nothing."""

    keep: int | None = None
    minimum_ml: float = 0.0
    holes_ml: float = 0.0
    inside_mm: float | None = None
    near_mm: float | None = None
    sides: bool = False

    def __post_init__(self) -> None:
        limits = (self.minimum_ml, self.holes_ml, self.inside_mm or 0.0, self.near_mm or 0.0)
        if min(limits) < 0 or (self.keep is not None and self.keep < 1):
            raise UsageError(f"a rule with a limit below what is possible: {self}")


def parse_rules(text: str) -> Mapping[str, Rule]:
    """Structure key -> rule.

    Raises:
        UsageError: an unknown structure or column, a host rule without a host, a side rule without a pair.
    """
    rules = {key: _rule(key, columns) for key, columns in tomllib.loads(text).items()}
    for key, rule in rules.items():
        if (rule.inside_mm is not None or rule.near_mm is not None) and not STRUCTURES[key].hosts:
            raise UsageError(f"{key} has no host to be inside of or near to")
        pair = STRUCTURES[key].pair
        if rule.sides and not (pair and rules.get(pair, Rule()).sides):
            raise UsageError(f"{key} has a rule about sides, its pair has none")
    return MappingProxyType(rules)


def _rule(key: str, columns: Mapping[str, float]) -> Rule:
    if key not in STRUCTURES:
        raise UsageError(f"a rule for the unknown structure {key!r}")
    unknown = sorted(set(columns) - set(Rule.__dataclass_fields__))
    if unknown:
        raise UsageError(f"{key}: unknown rule {', '.join(unknown)}")
    return Rule(**columns)  # type: ignore[arg-type]


RULES = parse_rules((resources.files("omentum.postprocess") / "rules.toml").read_text(encoding="utf-8"))
"""The packaged table."""
