"""Patient-level detection, with confidence intervals valid for few patients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omentum.evaluate.metrics.overlap import ratio
from omentum.evaluate.metrics.status import Status, status
from omentum.json_values import from_json_values

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class PatientTable:
    """Confusion matrix of patients for one finding; patients without annotation are left out."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def patients(self) -> int:
        """Number of patients with an annotation for the finding."""
        return self._diseased + self._healthy

    @property
    def sensitivity(self) -> float | None:
        """True positives / positive patients; None if there are none."""
        return ratio(self.true_positives, self._diseased)

    @property
    def specificity(self) -> float | None:
        """True negatives / negative patients; None if there are none."""
        return ratio(self.true_negatives, self._healthy)

    @property
    def sensitivity_95(self) -> Interval | None:
        """Wilson interval of the sensitivity."""
        return wilson_95(self.true_positives, self._diseased)

    @property
    def specificity_95(self) -> Interval | None:
        """Wilson interval of the specificity."""
        return wilson_95(self.true_negatives, self._healthy)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self) | {
            "sensitivity": self.sensitivity,
            "sensitivity_95": self.sensitivity_95,
            "specificity": self.specificity,
            "specificity_95": self.specificity_95,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PatientTable:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)

    @property
    def _diseased(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def _healthy(self) -> int:
        return self.true_negatives + self.false_positives


def outcome_of_patient(scans: Iterable[Status]) -> Status:
    """Status of a patient with several scans: present (predicted) in any scan counts as present (predicted)."""
    known = {scan for scan in scans if scan is not Status.NOT_ANNOTATED}
    if not known:
        return Status.NOT_ANNOTATED
    present = bool(known & {Status.EVALUATED, Status.FALSE_NEGATIVE})
    predicted = bool(known & {Status.EVALUATED, Status.FALSE_POSITIVE})
    return status(annotated=True, predicted_voxels=predicted, reference_voxels=present)


def patient_table(outcomes: Iterable[Status]) -> PatientTable:
    """Count one status per patient."""
    counts = dict.fromkeys(Status, 0)
    for outcome in outcomes:
        counts[outcome] += 1
    return PatientTable(
        counts[Status.EVALUATED],
        counts[Status.FALSE_NEGATIVE],
        counts[Status.TRUE_NEGATIVE],
        counts[Status.FALSE_POSITIVE],
    )


def wilson_95(successes: int, trials: int) -> Interval | None:
    """95 % Wilson score interval of a proportion (Wilson 1927); None without trials."""
    if trials == 0:
        return None
    p, z2 = successes / trials, Z_95**2
    centre = p + z2 / (2 * trials)
    half = Z_95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return (centre - half) / (1 + z2 / trials), (centre + half) / (1 + z2 / trials)
