"""Quality limits (limits.toml), typed and validated."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError

Range = tuple[float, float]

DIRECTIONS = {"right": 0, "front": 1, "above": 2}
"""Direction word -> world axis (RAS+) that increases in that direction."""


@dataclass(frozen=True)
class OrderRule:
    """Rule that the centroid of `structure` lies further in `direction` than that of `other`."""

    structure: str
    direction: str
    other: str

    @property
    def axis(self) -> int:
        """World axis of the direction."""
        return DIRECTIONS[self.direction]


@dataclass(frozen=True)
class CtLimits:
    """Limits for CTs: section [ct] of limits.toml."""

    air_hu: tuple[float, float]
    body_hu: float
    cut_share: float
    noise_hu: float
    metal_hu: float
    metal_ml: float
    thick_mm: float


@dataclass(frozen=True)
class BodyLimits:
    """Limits for body size: section [body] of limits.toml."""

    width_mm: Range
    depth_mm: Range
    across: Range
    along: Range


@dataclass(frozen=True)
class QualityRules:
    """Content of limits.toml; see the comments there.

    Args:
        hu, right_to_left, expected_with, phase: Rules by structure key.
        overlaps: Unordered pairs of structures that may overlap.
    """

    hu: Mapping[str, Range]
    right_to_left: Mapping[str, Range]
    order: tuple[OrderRule, ...]
    margin_mm: float
    expected_with: Mapping[str, tuple[str, ...]]
    single: frozenset[str]
    fragment_share: float
    overlaps: frozenset[frozenset[str]]
    overlap_share: float
    removable: frozenset[str]
    host_share: float
    low_probability: float
    high_disagreement: float
    ct: CtLimits
    body: BodyLimits
    phase_names: tuple[str, ...]
    phase: Mapping[str, tuple[Range, ...]]

    def may_share(self, one: str, other: str) -> bool:
        """Whether two masks may overlap: one structure hosts the other, or both have the same host."""
        a, b = STRUCTURES[one], STRUCTURES[other]
        hosts = {one, *a.hosts} & {other, *b.hosts}
        return bool(hosts) or frozenset((one, other)) in self.overlaps


def parse_quality_rules(text: str) -> QualityRules:
    """Parse limits.toml.

    Raises:
        UsageError: unknown structure or direction, or a range whose lower limit exceeds the upper.
    """
    table = tomllib.loads(text)
    phase = dict(table["phase"])
    names = tuple(phase.pop("names"))
    confidence = table["confidence"]
    rules = QualityRules(
        hu=_ranges(table["hu"]),
        right_to_left=_ranges(table["right_to_left"]),
        order=tuple(OrderRule(*row) for row in table["order"]["rules"]),
        margin_mm=table["order"]["margin_mm"],
        expected_with={key: tuple(others) for key, others in table["expected_with"].items()},
        single=frozenset(table["components"]["single"]),
        fragment_share=table["components"]["fragment_share"],
        overlaps=frozenset(frozenset(pair) for pair in table["overlap"]["allowed"]),
        overlap_share=table["overlap"]["warn_share"],
        removable=frozenset(table["surgery"]["removable"]),
        host_share=table["lesion"]["host_share"],
        low_probability=confidence["low_probability"],
        high_disagreement=confidence["high_disagreement"],
        ct=CtLimits(**table["ct"]),
        body=BodyLimits(**{name: (low, high) for name, (low, high) in table["body"].items()}),
        phase_names=names,
        phase={key: tuple((mean, sd) for mean, sd in rows) for key, rows in phase.items()},
    )
    _check(rules)
    return rules


def _ranges(table: Mapping[str, Any]) -> dict[str, Range]:
    for key, (low, high) in table.items():
        if low >= high:
            raise UsageError(f"{key}: the range {low} to {high} is upside down")
    return {key: (low, high) for key, (low, high) in table.items()}


def _check(rules: QualityRules) -> None:
    unknown = sorted(set(_named(rules)) - set(STRUCTURES.keys))
    if unknown:
        raise UsageError(f"a quality rule for the unknown structure {', '.join(unknown)}")
    wrong = sorted({rule.direction for rule in rules.order} - set(DIRECTIONS))
    if wrong:
        raise UsageError(f"unknown direction {', '.join(wrong)}", remedy=f"use {', '.join(DIRECTIONS)}")


def _named(rules: QualityRules) -> Iterator[str]:
    for table in (rules.hu, rules.right_to_left, rules.expected_with, rules.phase, rules.single, rules.removable):
        yield from table
    for rule in rules.order:
        yield from (rule.structure, rule.other)
    for group in (*rules.expected_with.values(), *rules.overlaps):
        yield from group


QUALITY_RULES = parse_quality_rules((resources.files("omentum.quality") / "limits.toml").read_text(encoding="utf-8"))
"""The packaged table."""
