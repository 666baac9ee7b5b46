"""Which part of a split: the options that segmentation and evaluation share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.errors import UsageError
from omentum.option_fields import Group, option


@dataclass(frozen=True)
class SplitPartOptions:
    """A part of a split.

    Args:
        split: Split file of `omentum data split`; only the cases of one part are taken.
        part: Name of that part, e.g. "fold-0"; "folds" for all folds together; "test" by default.
    """

    split: Path | None = field(
        default=None,
        metadata=option(
            "only the cases of one part of a split: omentum data split", Group.INPUT, kind=Path, metavar="FILE"
        ),
    )
    part: str | None = field(
        default=None,
        metadata=option("of the split: test, fold-0, folds, ...", Group.INPUT, metavar="PART", shown_default="test"),
    )

    def check_part(self) -> None:
        """Refuse a part of no split.

        Raises:
            UsageError: There is a part, but no split.
        """
        if self.part is not None and self.split is None:
            raise UsageError("--part without --split", remedy="--split FILE, made by omentum data split")
