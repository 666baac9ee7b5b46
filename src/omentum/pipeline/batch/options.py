"""Which CTs a batch is made of, and how it runs as a whole; see `omentum.pipeline.options` for each CT."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.option_fields import Group, option

TEMPLATE = "template"
"""Label values of the template."""


@dataclass(frozen=True)
class CaseSelection:
    """Which CTs, and what they are called.

    Args:
        dataset: "NAME=FOLDER" of datasets all of whose CTs are segmented, named as in a store.
        split: File made by `omentum data split`; only the cases of one part of it.
        part: Of the split: test (the default), fold-0, folds, ...
        name: Pattern for the names of cases; see `omentum.pipeline.batch.case_names`.
        anonymous: Write no name of a file or folder.
    """

    dataset: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "all CTs of a dataset, named as in a store; repeatable", Group.INPUT, metavar="NAME=DIR", is_repeated=True
        ),
    )
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
    name: str | None = field(
        default=None,
        metadata=option(
            "names of the cases: text with {name}, {parent}, {grandparent}, {number}",
            Group.OUTPUT,
            metavar="PATTERN",
            shown_default="as their files",
        ),
    )
    anonymous: bool = field(
        default=False,
        metadata=option("write no name of a file or folder; cases get names that say nothing", Group.OUTPUT),
    )


@dataclass(frozen=True)
class BatchOptions:
    """How a batch runs as a whole, and what is written beside its case folders.

    Args:
        weights: Names or checkpoint files; the probabilities of several are averaged.
        jobs: Processes that read and write other cases meanwhile; by default 1, on two processors 0.
        parquet: measurements.parquet of all cases, too.
        numbering: Whose label values the label maps get: a dataset of `omentum data list`, totalsegmentator, a recipe's
            .toml, an nnU-Net v2 dataset.json or its folder; `template` for our own.
        submission: Folder for copies of the label maps, each named as its CT.
    """

    weights: tuple[str, ...] = field(
        default=("default",),
        metadata=option(
            "name or file, see omentum weights list; repeated: the mean of their probabilities",
            Group.FIND,
            flags=("-w", "--weights"),
            metavar="WEIGHTS",
            is_repeated=True,
        ),
    )
    jobs: int | None = field(
        default=None,
        metadata=option(
            "processes that read and write other cases meanwhile",
            Group.HOW,
            flags=("-j", "--jobs"),
            kind=int,
            metavar="N",
            minimum=0,
            shown_default="1; 0 on two processors",
        ),
    )
    parquet: bool = field(
        default=False, metadata=option("also measurements.parquet of all cases", Group.OUTPUT, is_rare=True)
    )
    numbering: str = field(
        default=TEMPLATE,
        metadata=option(
            "label values: of msd-liver, btcv, totalsegmentator, a recipe, ...",
            Group.OUTPUT,
            metavar="DATASET",
            is_rare=True,
        ),
    )
    submission: Path | None = field(
        default=None,
        metadata=option(
            "also copy the label maps to this folder, each named as its CT",
            Group.OUTPUT,
            kind=Path,
            metavar="DIR",
            is_rare=True,
        ),
    )
