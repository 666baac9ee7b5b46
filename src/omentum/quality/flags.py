"""A flag: something about a case that its user should look at, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Worst first."""


@dataclass(frozen=True)
class Flag:
    """One finding.

    Args:
        severity: error is almost surely wrong, warning is worth a look, info is good to know.
        structure: Its key, "" for the case as a whole.
        code: What kind of finding, the same word every time.
        text: One sentence with numbers, and what to do.
    """

    severity: Severity
    structure: str
    code: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def worst_first(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """By severity; of equal ones those of the whole case first, the rest in the order given."""
    return tuple(sorted(flags, key=lambda flag: (SEVERITIES.index(flag.severity), flag.structure != "")))
