"""Options of `omentum annotate accept`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.option_fields import Group, option


@dataclass(frozen=True)
class AcceptOptions:
    """What is accepted, and what may be replaced.

    Args:
        structures: Only these, by key or synonym; everything in the files by default.
        rename: "NAME=STRUCTURE" for segments whose names are not ours.
        mapping: Meaning of the values of label maps that do not use our numbers; see `omentum evaluate --mapping`.
        unchanged: Also accept structures that equal their proposal.
        absent: Structures that are confirmed to be absent where a file does not contain them.
        replace: Replace earlier corrections.
        replace_truth: Replace annotations of the dataset.
        store: The store of the round, if it has been moved.
    """

    structures: tuple[str, ...] | None = field(
        default=None, metadata=option("only these: liver,kidneys", Group.INPUT, metavar="NAMES", flags=("--classes",))
    )
    rename: tuple[str, ...] = field(
        default=(),
        metadata=option("what a segment is; repeatable", Group.INPUT, metavar="SEGMENT=STRUCTURE", is_repeated=True),
    )
    mapping: str | None = field(
        default=None,
        metadata=option("label values: of msd-liver, totalsegmentator, a recipe, ...", Group.INPUT, metavar="DATASET"),
    )
    unchanged: bool = field(
        default=False, metadata=option("also accept structures that equal their proposal", Group.HOW)
    )
    absent: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "a structure that is absent where a file does not hold it; repeatable",
            Group.HOW,
            metavar="NAME",
            is_repeated=True,
        ),
    )
    replace: bool = field(default=False, metadata=option("replace earlier corrections", Group.HOW))
    replace_truth: bool = field(default=False, metadata=option("replace annotations of the dataset", Group.HOW))
    store: Path | None = field(
        default=None,
        metadata=option(
            "the store of the round, if it was moved", Group.OUTPUT, kind=Path, metavar="DIR", is_rare=True
        ),
    )
