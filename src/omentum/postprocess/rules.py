"""The table of post-processing rules (see the header of rules.toml), typed and validated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType

from omentum.anatomy import STRUCTURES, Structure
from omentum.anatomy.structures import LiveTable
from omentum.errors import UsageError

SPECK = 0.05
"""Of the smallest plausible volume: less is no part of a structure without a rule of its own."""
LESION_NEAR_MM, LESION_SPECK_ML = 15.0, 0.03
"""As the packaged lesions have them."""


@dataclass(frozen=True)
class Rule:
    """Post-processing of one structure; the default does nothing."""

    keep: int | None = None
    minimum_ml: float = 0.0
    holes_ml: float = 0.0
    inside_mm: float | None = None
    near_mm: float | None = None
    sides: bool = False
    trunk: bool = True

    def __post_init__(self) -> None:
        limits = (self.minimum_ml, self.holes_ml, self.inside_mm or 0.0, self.near_mm or 0.0)
        if min(limits) < 0 or (self.keep is not None and self.keep < 1):
            raise UsageError(f"a rule with a limit below what is possible: {self}")


def parse_rules(text: str) -> Mapping[str, Rule]:
    """Parse rules.toml: structure key -> rule.

    Raises:
        UsageError: A structure or column is unknown, a host rule has no host, or a side rule has no pair.
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


def rule_by_kind(structure: Structure) -> Rule:
    """Default rule for a structure, from its table row alone.

    Removes components much smaller than the smallest plausible structure and lesions far from their hosts, and repairs
    sides. The structure may lie in an arm or the head, so its position relative to the trunk is not checked.
    """
    smallest_ml = structure.volume_ml[0]
    if structure.is_lesion:
        near_mm = LESION_NEAR_MM if structure.hosts else None
        return Rule(minimum_ml=min(smallest_ml, LESION_SPECK_ML), near_mm=near_mm, trunk=False)
    speck_ml = SPECK * smallest_ml
    return Rule(minimum_ml=speck_ml, holes_ml=speck_ml, sides=structure.pair is not None, trunk=False)


def _all_rules() -> Mapping[str, Rule]:
    others = (structure for structure in STRUCTURES if structure.key not in STRUCTURES.default_keys)
    return {**_PACKAGED, **{structure.key: rule_by_kind(structure) for structure in others}}


_PACKAGED = parse_rules((resources.files("omentum.postprocess") / "rules.toml").read_text(encoding="utf-8"))
RULES: Mapping[str, Rule] = LiveTable(_all_rules)
"""The packaged table, and `rule_by_kind` for the structures of a user."""


def stricter(minimum_ml: Mapping[str, float]) -> Mapping[str, Rule]:
    """The table with larger smallest volumes.

    Args:
        minimum_ml: Structure key -> volume in ml; one smaller than the table's changes nothing.
    """
    moved = {key: RULES.get(key, Rule()) for key in minimum_ml}
    return {
        **RULES,
        **{key: replace(rule, minimum_ml=max(rule.minimum_ml, minimum_ml[key])) for key, rule in moved.items()},
    }
