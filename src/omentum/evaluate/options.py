"""Options of an evaluation; `omentum evaluate` is generated from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.data.splits.part_options import SplitPartOptions
from omentum.option_fields import Group, option


@dataclass(frozen=True)
class EvaluationOptions(SplitPartOptions):
    """Options of an evaluation; each field is an option of `omentum evaluate`.

    Args:
        mapping: Label mapping of references from other sources: a packaged mapping ("totalsegmentator"), a dataset
            ("btcv") or a file; see `omentum.evaluate.mapping.load_mapping`.
        pred_mapping: Label mapping of the predictions, including those of `compare`.
        structures: Comma-separated names of the structures to evaluate; by default all.
        healthy: CSV file with the columns case,structure: lesion types known to be absent in the patient.
        compare: Predictions of a second model for the same reference.
        tolerance: Tolerance of the NSD: mm for all structures, or a TOML file such as `liver = 3.0`.
        distances: Compute NSD, HD95, HD and ASSD as well as overlap metrics.
        patients: CSV file with the columns case,patient, for patients with several scans.
        split, part: See `SplitPartOptions`.
    """

    mapping: str | None = field(
        default=None,
        metadata=option(
            "label values of REF, if not ours: totalsegmentator, a dataset such as btcv, or a JSON file",
            Group.INPUT,
            metavar="NAME|FILE",
        ),
    )
    pred_mapping: str | None = field(
        default=None,
        metadata=option(
            'label values of PRED and --compare, if not ours; a file holds {"1": "spleen", ...}',
            Group.INPUT,
            metavar="NAME|FILE",
        ),
    )
    structures: str | None = field(
        default=None,
        metadata=option(
            "evaluate only these: liver,kidneys; see omentum classes",
            Group.FIND,
            flags=("--classes",),
            metavar="NAMES",
        ),
    )
    healthy: Path | None = field(
        default=None,
        metadata=option(
            "CSV with the columns case,structure: lesion types that a case is known not to have",
            Group.INPUT,
            kind=Path,
            metavar="FILE",
        ),
    )
    compare: Path | None = field(
        default=None,
        metadata=option("predictions of a second model for the same REF", Group.INPUT, kind=Path, metavar="PATH"),
    )
    tolerance: str | None = field(
        default=None,
        metadata=option(
            "of the NSD: mm for all structures, or a TOML file with lines such as liver = 3.0",
            Group.HOW,
            metavar="MM|FILE",
            shown_default="by structure",
        ),
    )
    distances: bool = field(
        default=True, metadata=option("surface distances (NSD, HD95, HD, ASSD), not only overlap", Group.HOW)
    )
    patients: Path | None = field(
        default=None,
        metadata=option(
            "CSV with the columns case,patient, if patients have several scans", Group.INPUT, kind=Path, metavar="FILE"
        ),
    )

    def __post_init__(self) -> None:
        for name in ("healthy", "compare", "patients", "split"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(value))
        if self.structures is not None and not isinstance(self.structures, str):
            object.__setattr__(self, "structures", ",".join(self.structures))
        self.check_part()

    @property
    def files(self) -> list[Path]:
        """Files named by the options, other than predictions and references."""
        named = [Path(text) for text in (self.mapping, self.pred_mapping, self.tolerance) if text]
        return [*filter(Path.is_file, named), *(path for path in (self.split, self.patients, self.healthy) if path)]
