"""Options of `omentum data audit`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.option_fields import Group, option
from omentum.pipeline.options import PROFILES, SegmentOptions


@dataclass(frozen=True)
class AuditOptions:
    """What is audited and by which model.

    Args:
        dataset: "NAME=FOLDER" of raw datasets, read by their recipes as in `omentum data check`.
        declared: CSV file with the columns case and structure: what a report or the dataset says is there; an empty
            mask of it is a fault.
        phases: CSV file with the columns case and phase: the declared contrast phase of each case.
        weights: Names or checkpoint files; the probabilities of several are averaged.
        classes: Structures to audit; all of the weights by default.
        profile: Speed against thoroughness, see `SegmentOptions`.
        device: See `SegmentOptions`.
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
    classes: tuple[str, ...] | None = field(
        default=None, metadata=option("only these: liver,kidneys; see omentum classes", Group.FIND, metavar="NAMES")
    )
    profile: str = field(default="exact", metadata=option("speed against thoroughness", Group.HOW, choices=PROFILES))
    device: str = field(
        default="auto", metadata=option("auto, cpu, cuda, mps", Group.HOW, metavar="DEVICE", is_rare=True)
    )
    jobs: int = field(
        default=1,
        metadata=option("processes that compare", Group.HOW, flags=("-j", "--jobs"), metavar="N", minimum=1),
    )

    @property
    def segmenting(self) -> SegmentOptions:
        """Options of the prediction."""
        return SegmentOptions(self.classes, self.device, profile=self.profile, probabilities="uint8")
