"""Result of a follow-up: all lesions of both scans, RECIST response, alignment; as JSON and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.atomic import write_json, write_text
from omentum.follow_up.alignment import Alignment
from omentum.follow_up.recist import RecistResponse
from omentum.follow_up.tracked import TrackedLesion, row_of
from omentum.measure.csv_table import csv_text
from omentum.schemas import Schema, read_stamped, stamped

COLUMNS = (
    *("status", "key", "display", "host", "side", "is_target", "is_candidate", "before", "after"),
    *("volume_before_ml", "volume_after_ml", "volume_change_percent"),
    *("longest_before_mm", "longest_after_mm", "longest_change_mm", "longest_change_percent", "moved_mm"),
    *(f"centroid_{when}_{axis}_mm" for when in ("before", "after") for axis in "ras"),
    *("remarks", "is_forced"),
)
"""Columns of the CSV."""


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Follow-up of two scans of one patient.

    Args:
        lesions: All lesions of both scans.
        response: RECIST response.
        alignment: Alignment of the later scan with the earlier one.
        frames: Whether both have the same frame of reference; None if unknown.
        scans: Names of the earlier and the later scan.
    """

    lesions: tuple[TrackedLesion, ...]
    response: RecistResponse
    alignment: Alignment
    frames: bool | None = None
    scans: tuple[str, str] = ("", "")

    @property
    def is_forced(self) -> bool:
        """Whether the comparison was forced although the bodies do not match."""
        return not self.alignment.fits

    def to_json(self) -> dict[str, Any]:
        """Convert to the JSON document of `omentum lesions compare --json`; unknown values are null."""
        content: dict[str, Any] = {"before": self.scans[0], "after": self.scans[1], "recist": self.response.to_json()}
        content |= {"forced": self.is_forced}
        content |= {"alignment": self.alignment.to_json() | {"same_frame_of_reference": self.frames}}
        lesions = [one.to_json() | {"is_forced": self.is_forced} for one in self.lesions]
        return stamped(Schema.LESION_FOLLOW_UP, content | {"lesions": lesions})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> FollowUp:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        raw = read_stamped(raw, Schema.LESION_FOLLOW_UP)
        return cls(
            tuple(map(TrackedLesion.from_json, raw["lesions"])),
            RecistResponse.from_json(raw["recist"]),
            Alignment.from_json(raw["alignment"]),
            raw["alignment"]["same_frame_of_reference"],
            (raw["before"], raw["after"]),
        )

    def to_csv(self) -> str:
        """Format as CSV text, one row per lesion or group of parts; only the header if there are none."""
        return csv_text([row_of(one) | {"is_forced": self.is_forced} for one in self.lesions], COLUMNS)

    def write(self, *, json: Path | None = None, csv: Path | None = None) -> None:
        """Write the requested files; each is written atomically.

        Args:
            json: Path of the JSON file with the complete result; None to skip.
            csv: Path of the CSV file with one row per lesion; None to skip.

        Raises:
            OutputError: a file cannot be written.
        """
        if json:
            write_json(json, self.to_json())
        if csv:
            write_text(csv, self.to_csv())
