"""Options of `omentum data audit`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.annotate.inference_options import InferenceOptions
from omentum.option_fields import Group, option


@dataclass(frozen=True)
class AuditOptions(InferenceOptions):
    """What is audited and by which model.

    Args:
        dataset: "NAME=FOLDER" of raw datasets, read by their recipes as in `omentum data check`.
        declared: CSV file with the columns case and structure: what a report or the dataset says is there; an empty
            mask of it is a fault.
        phases: CSV file with the columns case and phase: the declared contrast phase of each case.
        weights, classes, profile, device: See `InferenceOptions`.
        jobs: Number of processes that compare; each holds one case in memory.
    """

    dataset: tuple[str, ...] = field(
        default=(),
        metadata=option("a raw dataset and its folder; repeatable", Group.INPUT, metavar="NAME=DIR", is_repeated=True),
    )
    declared: Path | None = field(
        default=None,
        metadata=option(
            "structures said to be there, tumours for example: CSV with case,structure",
            Group.INPUT,
            kind=Path,
            metavar="FILE",
        ),
    )
    phases: Path | None = field(
        default=None,
        metadata=option("declared contrast phases: CSV with case,phase", Group.INPUT, kind=Path, metavar="FILE"),
    )
    jobs: int = field(
        default=1,
        metadata=option("processes that compare", Group.HOW, flags=("-j", "--jobs"), metavar="N", minimum=1),
    )
