"""Options of a soup, as given on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from omentum.errors import UsageError
from omentum.option_fields import Group, option


class SoupKind(StrEnum):
    """Which of the given weights are averaged."""

    UNIFORM = "uniform"
    """All of them."""
    GREEDY = "greedy"
    """From the best on, each that does not lower the Dice of the cases of the check."""


@dataclass(frozen=True)
class SoupOptions:
    """How weights are averaged, and what the result is checked on.

    Args:
        kind: "uniform" or "greedy".
        check: Store or folder of cases that none of the weights were trained on; needed by "greedy".
        split: Only the cases of one part of this split.
        part: Which part.

    Raises:
        UsageError: An unknown kind, or a greedy soup or a split without a check.
    """

    kind: SoupKind = field(
        default=SoupKind.UNIFORM,
        metadata=option(
            "average all, or from the best on those that do not lower the Dice of --check",
            Group.HOW,
            choices=tuple(SoupKind),
        ),
    )
    check: Path | None = field(
        default=None,
        metadata=option(
            "store or folder of cases that the weights were not trained on", Group.INPUT, kind=Path, metavar="DATA"
        ),
    )
    split: Path | None = field(
        default=None,
        metadata=option("check on a part of this split only", Group.INPUT, kind=Path, metavar="FILE"),
    )
    part: str = field(default="validation", metadata=option("of the split", Group.INPUT, metavar="PART"))

    def __post_init__(self) -> None:
        if self.kind not in tuple(SoupKind):
            raise UsageError(f"kind is one of {', '.join(SoupKind)}, not {self.kind!r}")
        object.__setattr__(self, "kind", SoupKind(self.kind))
        if self.check is None and self.kind is SoupKind.GREEDY:
            remedy = "--check STORE, with cases that none of them were trained on"
            raise UsageError("a greedy soup is chosen by the Dice of cases", remedy=remedy)
        if self.check is None and self.split is not None:
            raise UsageError("--split selects cases of --check, which is not given", remedy="--check STORE")
