"""Findings of an audit as a value, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from omentum.annotate.audit.faults import LabelFault
from omentum.json_values import from_json_values
from omentum.measure.csv_table import csv_text
from omentum.schemas import Schema, read_stamped, stamped

CSV_COLUMNS = ("rank", "sure", "case", "structure", "kind", "slice", "reason")


@dataclass(frozen=True)
class AuditResult:
    """Suspected faults of labels.

    Args:
        faults: Surest first.
        cases: Names of the cases that were audited.
        failed: Case name -> why it could not be audited.
        usual_dice: Structure key -> median Dice of labels and predictions over the cases.
        omentum: Version that wrote it.
    """

    faults: tuple[LabelFault, ...]
    cases: tuple[str, ...]
    failed: Mapping[str, str]
    usual_dice: Mapping[str, float]
    omentum: str = version("omentum")

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.LABEL_AUDIT, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> AuditResult:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.LABEL_AUDIT))

    def to_csv(self) -> str:
        """Format as CSV, one row per fault."""
        rows = [
            {
                "rank": rank,
                "sure": fault.sure,
                "case": fault.case,
                "structure": fault.structure,
                "kind": fault.kind.value,
                "slice": slice_of(fault),
                "reason": fault.reason,
            }
            for rank, fault in enumerate(self.faults, start=1)
        ]
        return csv_text(rows, CSV_COLUMNS)


def slice_of(fault: LabelFault) -> str:
    """The slice to look at, such as "k 87"; "" for a case as a whole."""
    return "" if fault.slice_index is None else f"{fault.slice_axis} {fault.slice_index}"
