"""Scores over cases: each structure over its cases first, then the mean over structures, organs and lesions apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.evaluate.bootstrap import Bootstrap, interval_95, mean_of_means
from omentum.evaluate.detection import Detection
from omentum.evaluate.metrics import METRICS
from omentum.evaluate.overlap import ratio
from omentum.evaluate.partial import Status
from omentum.evaluate.patients import PatientTable, outcome_of_patient, patient_table
from omentum.evaluate.scores import CaseScores, StructureScore
from omentum.evaluate.statistics import Observation, Statistics, statistics

_Scores = Sequence[tuple[str, StructureScore]]
"""Patient and score, one a case."""


@dataclass(frozen=True)
class StructureSummary:
    """One structure over all cases.

    Args:
        key: Structure key.
        metrics: By key of `METRICS`; over cases where it is in the prediction, the reference or both.
        outcomes: Cases by status.
        patients: Found or not, by patient.
        lesions: Lesion counts of all annotated cases, for tumours and cysts.
    """

    key: str
    metrics: Mapping[str, Statistics]
    outcomes: dict[Status, int]
    patients: PatientTable
    lesions: Detection | None

    @property
    def dice(self) -> Statistics:
        """Of the Dice, the number everybody asks for first; a miss is a Dice of 0."""
        return self.metrics["dice"]

    @property
    def annotated_cases(self) -> int:
        """Cases whose reference says anything about it."""
        return sum(n for status, n in self.outcomes.items() if status is not Status.NOT_ANNOTATED)

    @property
    def false_positives_a_case(self) -> float | None:
        """Spurious lesions per annotated case."""
        return None if self.lesions is None else ratio(self.lesions.false_positives, self.annotated_cases)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        outcomes = {status.value: n for status, n in self.outcomes.items()}
        metrics = {key: asdict(found) for key, found in self.metrics.items()}
        return metrics | {"outcomes": outcomes, "patients": self.patients.to_json(), "lesions": self._lesions()}

    def _lesions(self) -> dict[str, Any] | None:
        if self.lesions is None:
            return None
        false_a_case = {size: ratio(n, self.annotated_cases) for size, n in self.lesions.false_by_size.items()}
        return asdict(self.lesions) | {
            "sensitivity": self.lesions.sensitivity,
            "sensitivity_by_size": {size: found.sensitivity for size, found in self.lesions.by_size.items()},
            "any_overlap_sensitivity": self.lesions.any_overlap_sensitivity,
            "precision": self.lesions.precision,
            "f1": self.lesions.f1,
            "false_positives_a_case": self.false_positives_a_case,
            "false_positives_a_case_by_size": false_a_case,
        }


@dataclass(frozen=True)
class Summary:
    """All structures over all cases.

    Args:
        cases: Number of cases.
        patients: Number of patients they are of.
        structures: In template order.
        organ_dice: Mean over organs and vessels of their mean Dice; n is how many had one.
        lesion_dice: The same over tumours and cysts.
    """

    cases: int
    patients: int
    structures: tuple[StructureSummary, ...]
    organ_dice: Statistics
    lesion_dice: Statistics

    def __getitem__(self, key: str) -> StructureSummary:
        return next(row for row in self.structures if row.key == key)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "cases": self.cases,
            "patients": self.patients,
            "organ_dice": asdict(self.organ_dice),
            "lesion_dice": asdict(self.lesion_dice),
            "structures": {row.key: row.to_json() for row in self.structures},
        }


def summarise(cases: Sequence[CaseScores]) -> Summary:
    """Bring the scores of cases together; the order of cases does not matter."""
    bootstrap = Bootstrap(case.patient for case in cases)
    rows: dict[str, list[tuple[str, StructureScore]]] = {key: [] for key in STRUCTURES.keys}
    for case in cases:
        for score in case.structures:
            rows[score.key].append((case.patient, score))
    structures = tuple(_structure(key, scores, bootstrap) for key, scores in rows.items() if scores)
    lesions = {key for key in rows if STRUCTURES[key].is_lesion}
    return Summary(
        cases=len(cases),
        patients=len({case.patient for case in cases}),
        structures=structures,
        organ_dice=_headline([rows[s.key] for s in structures if s.key not in lesions], bootstrap),
        lesion_dice=_headline([rows[s.key] for s in structures if s.key in lesions], bootstrap),
    )


def _structure(key: str, scores: _Scores, bootstrap: Bootstrap) -> StructureSummary:
    outcomes = dict.fromkeys(Status, 0)
    by_patient: dict[str, list[Status]] = {}
    for patient, score in scores:
        outcomes[score.status] += 1
        by_patient.setdefault(patient, []).append(score.status)
    detections = [score.lesions for _, score in scores if score.lesions is not None]
    return StructureSummary(
        key=key,
        metrics={metric.key: statistics(observed(scores, metric.key), bootstrap) for metric in METRICS},
        outcomes=outcomes,
        patients=patient_table(map(outcome_of_patient, by_patient.values())),
        lesions=sum(detections, Detection()) if detections else None,
    )


def observed(scores: _Scores, metric: str) -> list[Observation]:
    """One metric of one structure, case by case."""
    return [Observation(getattr(s, metric), patient, s.status is not Status.EVALUATED) for patient, s in scores]


def _headline(rows: Iterable[_Scores], bootstrap: Bootstrap) -> Statistics:
    """The mean over structures of their means over cases, with an interval over patients."""
    known = [[(p, s.dice) for p, s in scores if s.dice is not None] for scores in rows]
    columns = [([dice for _, dice in row], [patient for patient, _ in row]) for row in known if row]
    if not columns:
        return Statistics(0)
    over_structures = statistics(Observation(sum(values) / len(values)) for values, _ in columns)
    drawn = mean_of_means([bootstrap.means(values, patients) for values, patients in columns])
    interval = interval_95(drawn, len({patient for _, patients in columns for patient in patients}))
    return Statistics(**asdict(over_structures) | {"mean_95": interval})
