"""Selection of a part of a split, as given on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.errors import UsageError
from omentum.option_fields import Group, option

ALL_FOLDS = "all"
"""Instead of a fold: one run after the other, each validated on another fold."""


@dataclass(frozen=True)
class FoldChoice:
    """A split, and the fold or part of it that a run uses.

    Args:
        split: File written by `omentum data split`.
        fold: Number of the fold to validate on, or `ALL_FOLDS`.
        part: Part to train on.

    Raises:
        UsageError: `fold` is neither.
    """

    split: Path | None = field(
        default=None,
        metadata=option("see only what this split allows: omentum data split", Group.INPUT, kind=Path, metavar="FILE"),
    )
    fold: str | None = field(
        default=None,
        metadata=option(
            "validate on this fold, train on the others; all: one run after the other", Group.INPUT, metavar="K|all"
        ),
    )
    part: str | None = field(
        default=None,
        metadata=option(
            'train on this part of the split; "folds": on all of them',
            Group.INPUT,
            metavar="PART",
            shown_default="train",
        ),
    )

    def __post_init__(self) -> None:
        if self.fold is not None and self.fold != ALL_FOLDS and not self.fold.isdecimal():
            raise UsageError(f"--fold {self.fold!r} is no number from 0", remedy="e.g. --fold 0, or --fold all")

    @property
    def all_folds(self) -> bool:
        """Whether every fold is run."""
        return self.fold == ALL_FOLDS

    @property
    def settings(self) -> dict[str, str | int]:
        """The selection as settings of a run; see `omentum.train.config.settings.TrainConfig`."""
        values: dict[str, str | int] = {}
        if self.split is not None:
            values |= {"split": str(self.split)}
        if self.part is not None:
            values |= {"part": self.part}
        if self.fold is not None and not self.all_folds:
            values |= {"fold": int(self.fold)}
        return values
