"""Scores over cases: each structure over its cases first, then the mean over structures, organs and lesions apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.evaluate.detection import Detection
from omentum.evaluate.partial import Status
from omentum.evaluate.patients import PatientTable, patient_table
from omentum.evaluate.scores import LESION_KINDS, CaseScores, StructureScore


@dataclass(frozen=True)
class Statistics:
    """Numbers of several cases; cases without one are left out, and n says how many had one.

    Without any number everything but n is None.
    """

    n: int
    mean: float | None = None
    median: float | None = None
    percentile_5: float | None = None


@dataclass(frozen=True)
class StructureSummary:
    """One structure over all cases.

    Args:
        key: Structure key.
        dice: Over cases where it is in the prediction, the reference or both (a miss is a Dice of 0).
        outcomes: Cases by status.
        patients: Found or not, by patient.
        lesions: Lesion counts of all annotated cases, for tumours and cysts.
    """

    key: str
    dice: Statistics
    outcomes: dict[Status, int]
    patients: PatientTable
    lesions: Detection | None

    @property
    def annotated_cases(self) -> int:
        """Cases whose reference says anything about it."""
        return sum(n for status, n in self.outcomes.items() if status is not Status.NOT_ANNOTATED)

    @property
    def false_positives_a_case(self) -> float | None:
        """Spurious lesions per annotated case."""
        if self.lesions is None or not self.annotated_cases:
            return None
        return self.lesions.false_positives / self.annotated_cases

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        patients = {
            "sensitivity": self.patients.sensitivity,
            "sensitivity_95": self.patients.sensitivity_95,
            "specificity": self.patients.specificity,
            "specificity_95": self.patients.specificity_95,
        }
        lesions = None
        if self.lesions is not None:
            lesions = asdict(self.lesions) | {
                "sensitivity": self.lesions.sensitivity,
                "any_overlap_sensitivity": self.lesions.any_overlap_sensitivity,
                "precision": self.lesions.precision,
                "f1": self.lesions.f1,
                "false_positives_a_case": self.false_positives_a_case,
            }
        outcomes = {status.value: n for status, n in self.outcomes.items()}
        return {"dice": asdict(self.dice), "outcomes": outcomes, "patients": patients, "lesions": lesions}


@dataclass(frozen=True)
class Summary:
    """All structures over all cases.

    Args:
        cases: Number of cases.
        structures: In template order.
        organ_dice: Mean over organs and vessels of their mean Dice; n is how many had one.
        lesion_dice: The same over tumours and cysts.
    """

    cases: int
    structures: tuple[StructureSummary, ...]
    organ_dice: Statistics
    lesion_dice: Statistics

    def __getitem__(self, key: str) -> StructureSummary:
        return next(row for row in self.structures if row.key == key)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "cases": self.cases,
            "organ_dice": asdict(self.organ_dice),
            "lesion_dice": asdict(self.lesion_dice),
            "structures": {row.key: row.to_json() for row in self.structures},
        }


def statistics(values: Iterable[float | None]) -> Statistics:
    """Mean, median and 5th percentile (linear interpolation) of the numbers among `values`."""
    numbers = [v for v in values if v is not None]
    if not numbers:
        return Statistics(0)
    low, middle = np.percentile(numbers, [5, 50])
    return Statistics(len(numbers), float(np.mean(numbers)), float(middle), float(low))


def summarise(cases: Sequence[CaseScores]) -> Summary:
    """Bring the scores of cases together; the order of cases does not matter."""
    rows: dict[str, list[StructureScore]] = {key: [] for key in STRUCTURES.keys}
    for case in cases:
        for score in case.structures:
            rows[score.key].append(score)
    structures = tuple(_structure(key, scores) for key, scores in rows.items() if scores)
    lesions = {s.key for s in structures if STRUCTURES[s.key].kind in LESION_KINDS}
    return Summary(
        cases=len(cases),
        structures=structures,
        organ_dice=statistics(s.dice.mean for s in structures if s.key not in lesions),
        lesion_dice=statistics(s.dice.mean for s in structures if s.key in lesions),
    )


def _structure(key: str, scores: Sequence[StructureScore]) -> StructureSummary:
    outcomes = dict.fromkeys(Status, 0)
    for score in scores:
        outcomes[score.status] += 1
    detections = [score.lesions for score in scores if score.lesions is not None]
    return StructureSummary(
        key=key,
        dice=statistics(score.dice for score in scores),
        outcomes=outcomes,
        patients=patient_table(score.status for score in scores),
        lesions=sum(detections, Detection()) if detections else None,
    )
