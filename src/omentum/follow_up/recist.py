"""RECIST 1.1 response between two scans, from the sum of target diameters and new lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from omentum.formatting import counted


class RecistCategory(StrEnum):
    """Response categories of RECIST 1.1 (Eisenhauer et al. 2009), and two for undecidable cases."""

    COMPLETE_RESPONSE = "complete response"
    PARTIAL_RESPONSE = "partial response"
    STABLE_DISEASE = "stable disease"
    PROGRESSIVE_DISEASE = "progressive disease"
    NOT_EVALUABLE = "not evaluable"
    NO_TARGETS = "no targets"


SHRUNK, GROWN = -0.30, 0.20
"""Relative change of the sum for partial response and for progression."""
GROWN_LEAST_MM = 5.0
"""Minimum absolute increase of the sum for progression."""


@dataclass(frozen=True)
class RecistResponse:
    """Response between two scans.

    Progression since a nadir in between, non-target lesions and findings outside the images are left to the reader.

    Args:
        category: RECIST 1.1 category of the segmentations as they are.
        targets: Number of target lesions of the earlier scan.
        sums_mm: Sums of their longest axial diameters in the earlier and later scan; the later is None if a diameter is
            unknown.
        new: Number of new tumours.
        reason: Reason for the category, as text.
    """

    category: RecistCategory
    targets: int
    sums_mm: tuple[float, float | None]
    new: int
    reason: str

    @property
    def change(self) -> float | None:
        """Relative change of the sum; None if either sum is unknown."""
        then, now = self.sums_mm
        return None if then == 0 or now is None else (now - then) / then

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return {
            "category": self.category,
            "reason": self.reason,
            "targets": self.targets,
            "sum_before_mm": self.sums_mm[0],
            "sum_after_mm": self.sums_mm[1],
            "change_percent": None if self.change is None else 100 * self.change,
            "new_tumours": self.new,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RecistResponse:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        sums_mm = raw["sum_before_mm"], raw["sum_after_mm"]
        return cls(RecistCategory(raw["category"]), raw["targets"], sums_mm, raw["new_tumours"], raw["reason"])


def recist_response(
    targets_mm: Sequence[tuple[float, float]], *, targets: int, new: int, lasting: int, unknown: int, unseen: int = 0
) -> RecistResponse:
    """Determine the response category between two scans.

    Args:
        targets_mm: Earlier and later diameter of each target (or merged targets), 0 if it is gone.
        targets: Number of targets.
        new: Number of new tumours.
        lasting: Number of non-target tumours still present.
        unknown: Number of targets with an unknown size in one of the scans; new tumours still count.
        unseen: Number of non-target tumours that may or may not be present.
    """
    then, now = sum(a for a, _ in targets_mm), sum(b for _, b in targets_mm)
    made = _category((then, now), targets, new, (lasting, unseen), unknown)
    return RecistResponse(made[0], targets, (then, None if unknown else now), new, made[1])


def _category(
    sums_mm: tuple[float, float], targets: int, new: int, others: tuple[int, int], unknown: int
) -> tuple[RecistCategory, str]:
    (then, now), (lasting, unseen) = sums_mm, others
    grown = now - then
    if new:
        return RecistCategory.PROGRESSIVE_DISEASE, counted(new, "new tumour")
    if targets == 0:
        return RecistCategory.NO_TARGETS, "no tumour of the earlier scan is large enough to be a target"
    if unknown:
        verb = "is" if unknown == 1 else "are"
        return RecistCategory.NOT_EVALUABLE, f"{counted(unknown, 'target')} {verb} not wholly seen in both scans"
    if grown >= GROWN_LEAST_MM and grown >= GROWN * then:
        return RecistCategory.PROGRESSIVE_DISEASE, "the sum grew by 20 % and 5 mm or more"
    if now == 0:
        if lasting:
            return RecistCategory.PARTIAL_RESPONSE, "all targets are gone, other tumours are not"
        if unseen:
            return RecistCategory.PARTIAL_RESPONSE, "all targets are gone, of other tumours it is not known"
        return RecistCategory.COMPLETE_RESPONSE, "no tumour is left"
    if grown <= SHRUNK * then:
        return RecistCategory.PARTIAL_RESPONSE, "the sum shrank by 30 % or more"
    return RecistCategory.STABLE_DISEASE, "neither shrunk by 30 % nor grown by 20 % and 5 mm"
