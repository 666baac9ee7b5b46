"""Flags: findings about a case that the user should review, with reason and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from omentum.json_values import from_json_values


class Severity(StrEnum):
    """Severity of a finding, worst first."""

    ERROR = "error"
    """Almost certainly wrong."""
    WARNING = "warning"
    """Should be reviewed."""
    INFO = "info"
    """For information."""


class FlagCode(StrEnum):
    """Codes of findings; docs/how-to/judge-a-result.md describes each.

    The first ones concern the CT as a whole, those from `MISSING` on a structure.
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
        code: Code of the finding.
        text: One sentence with numbers and the remedy.
    """

    severity: Severity
    structure: str
    code: FlagCode
    text: str

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Flag:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


def worst_first(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Sort by severity; within a severity, flags of the whole case first, otherwise in the given order."""
    return tuple(sorted(flags, key=lambda flag: (SEVERITIES.index(flag.severity), flag.structure != "")))
