"""Options of a batch: input selection and execution; see `omentum.pipeline.options` for options per CT."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.data.splits.part_options import SplitPartOptions
from omentum.errors import UsageError
from omentum.option_fields import Group, option

TEMPLATE = "template"
"""Label values of the template."""


@dataclass(frozen=True)
class CaseSelection(SplitPartOptions):
    """Selection and names of the CTs.

    Args:
        dataset: "NAME=FOLDER" of datasets whose CTs are all segmented, with names as in a store.
        split, part: See `SplitPartOptions`.
        name: Pattern for case names; see `omentum.pipeline.batch.case_names`.
        anonymous: Write no file or folder names of the inputs.
    """

    dataset: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "all CTs of a dataset, named as in a store; repeatable", Group.INPUT, metavar="NAME=DIR", is_repeated=True
        ),
    )
    name: str | None = field(
        default=None,
        metadata=option(
            "names of the cases: text with {name}, {parent}, {grandparent}, {number}",
            Group.OUTPUT,
            metavar="PATTERN",
            shown_default="as their files",
            is_rare=True,
        ),
    )
    anonymous: bool = field(
        default=False,
        metadata=option("write no name of a file or folder; cases get names that say nothing", Group.OUTPUT),
    )


@dataclass(frozen=True)
class WeightsChoice:
    """What segments.

    Args:
        weights: Names or checkpoint files; several are averaged (`SegmentOptions.average`).
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


@dataclass(frozen=True)
class BatchOptions(WeightsChoice):
    """Execution of a batch, and outputs next to the case folders.

    Args:
        weights: See `WeightsChoice`.
        jobs: Number of processes for reading and writing; by default 1, or 0 on two processors.
        parquet: Also write measurements.parquet for all cases.
        numbering: Label values of the label maps: a dataset of `omentum data list`, totalsegmentator, a recipe's .toml,
            an nnU-Net v2 dataset.json or its folder; `template` for our own.
        submission: Folder for copies of the label maps, each named after its CT.
    """

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


def parse_devices(text: str) -> tuple[str, ...]:
    """Parse devices separated by commas: `0,1` are CUDA device indices, other words are device names.

    Raises:
        UsageError: no device is given.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("no device is named", remedy="for example --devices 0,1")
    return tuple(f"cuda:{name}" if name.isdigit() else name for name in names)
