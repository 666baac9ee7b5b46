"""Patient level: does the right patient get the finding, with an honest interval for few patients."""

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
    """Patients by what the reference and the prediction say of one finding; unannotated patients are left out."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def patients(self) -> int:
        """Patients whose reference says anything about the finding."""
        return self._diseased + self._healthy

    @property
    def sensitivity(self) -> float | None:
        """Found among those who have it; None when nobody has."""
        return ratio(self.true_positives, self._diseased)

    @property
    def specificity(self) -> float | None:
        """Left alone among those who do not have it; None when everybody has."""
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
        """JSON values only."""
        return asdict(self) | {
            "sensitivity": self.sensitivity,
            "sensitivity_95": self.sensitivity_95,
            "specificity": self.specificity,
            "specificity_95": self.specificity_95,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PatientTable:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return from_json_values(cls, raw)

    @property
    def _diseased(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def _healthy(self) -> int:
        return self.true_negatives + self.false_positives


def outcome_of_patient(scans: Iterable[Status]) -> Status:
    """One outcome for a patient of several scans: present in any scan is present, predicted in any is predicted."""
    known = {scan for scan in scans if scan is not Status.NOT_ANNOTATED}
    if not known:
        return Status.NOT_ANNOTATED
    present = bool(known & {Status.EVALUATED, Status.FALSE_NEGATIVE})
    predicted = bool(known & {Status.EVALUATED, Status.FALSE_POSITIVE})
    return status(annotated=True, predicted_voxels=predicted, reference_voxels=present)


def patient_table(outcomes: Iterable[Status]) -> PatientTable:
    """Count one status a patient."""
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
    """95 % score interval of a proportion (Wilson 1927); None without trials."""
    if trials == 0:
        return None
    p, z2 = successes / trials, Z_95**2
    centre = p + z2 / (2 * trials)
    half = Z_95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return (centre - half) / (1 + z2 / trials), (centre + half) / (1 + z2 / trials)
