"""A flag: one finding about a case that its user should look at, with the reason and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from omentum.json_values import from_json_values


class Severity(StrEnum):
    """How serious a finding is, worst first."""

    ERROR = "error"
    """Almost surely wrong."""
    WARNING = "warning"
    """Worth a look."""
    INFO = "info"
    """Good to know."""


class FlagCode(StrEnum):
    """Kinds of findings; docs/how-to/judge-a-result.md describes each.

    The first ones are about the CT as a whole, those from `MISSING` on about a structure.
    """

    INPUT = "input"
    SCALE = "scale"
    NO_BODY = "no_body"
    SPACING = "spacing"
    CUT = "cut"
    THICK_SLICES = "thick_slices"
    NOISE = "noise"
    METAL = "metal"
    PHASE = "phase"
    MIRRORED = "mirrored"
    MISSING = "missing"
    LARGE = "large"
    SMALL = "small"
    HU = "hu"
    FRAGMENTS = "fragments"
    OVERLAP = "overlap"
    SIDE = "side"
    ORDER = "order"
    RATIO = "ratio"
    NO_HOST = "no_host"
    LOW_CONFIDENCE = "low_confidence"
    DISAGREEMENT = "disagreement"


SEVERITIES = tuple(Severity)
"""Worst first."""


@dataclass(frozen=True)
class Flag:
    """One finding.

    Args:
        severity: See `Severity`.
        structure: Structure key, "" for the case as a whole.
        code: What kind of finding.
        text: One sentence with numbers, and what to do.
    """

    severity: Severity
    structure: str
    code: FlagCode
    text: str

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Flag:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return from_json_values(cls, raw)


def worst_first(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """By severity; of equal ones those of the whole case first, the rest in the order given."""
    return tuple(sorted(flags, key=lambda flag: (SEVERITIES.index(flag.severity), flag.structure != "")))
