"""Summary over cases: each structure over its cases, then means over organs and over lesions."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import reduce
from typing import Any

from omentum.anatomy.pairs import kind_of
from omentum.evaluate.metrics.bootstrap import Bootstrap, interval_95, mean_of_means
from omentum.evaluate.metrics.case_scores import CaseScores, StructureScore
from omentum.evaluate.metrics.detection import Detection
from omentum.evaluate.metrics.overlap import ratio
from omentum.evaluate.metrics.patients import PatientTable, outcome_of_patient, patient_table
from omentum.evaluate.metrics.roc import LesionCurves, lesion_curves
from omentum.evaluate.metrics.scope import in_order
from omentum.evaluate.metrics.statistics import Observation, Statistics, statistics
from omentum.evaluate.metrics.status import Status
from omentum.evaluate.metrics.table import METRICS
from omentum.json_values import from_json_values

_Scores = Sequence[tuple[str, StructureScore]]
"""Patient and score of each case."""


ABSENT = "in no reference and no prediction, so without a Dice"


@dataclass(frozen=True)
class StructureSummary:
    """Summary of one structure over all cases.

    Args:
        key: Structure key.
        metrics: Statistics by key of `METRICS`, over cases with the structure in prediction, reference or both.
        outcomes: Number of cases by status.
        patients: Confusion matrix over patients.
        lesions: Lesion counts over all annotated cases, for tumours and cysts.
        not_evaluated: Reason -> number of annotated cases not evaluated for this reason, and not part of any number
            here.
    """

    key: str
    metrics: Mapping[str, Statistics]
    outcomes: dict[Status, int]
    patients: PatientTable
    lesions: Detection | None
    not_evaluated: Mapping[str, int]

    @property
    def dice(self) -> Statistics:
        """Statistics of the Dice; a miss has a Dice of 0."""
        return self.metrics["dice"]

    @property
    def annotated_cases(self) -> int:
        """Number of cases in which the structure was annotated and evaluated."""
        return sum(n for status, n in self.outcomes.items() if status is not Status.NOT_ANNOTATED)

    @property
    def all_annotated_cases(self) -> int:
        """Number of cases in which the structure was annotated, evaluated or not."""
        return self.annotated_cases + sum(self.not_evaluated.values())

    @property
    def false_positives_per_case(self) -> float | None:
        """False-positive lesions per annotated case with a prediction."""
        return None if self.lesions is None else ratio(self.lesions.false_positives, self.lesions.scans)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        outcomes = {status.value: n for status, n in self.outcomes.items()}
        metrics = {key: asdict(found) for key, found in self.metrics.items()}
        told = {"outcomes": outcomes, "patients": self.patients.to_json(), "lesions": self._lesions()}
        counts = {"evaluated_cases": self.annotated_cases, "annotated_cases": self.all_annotated_cases}
        return metrics | told | counts | {"not_evaluated": dict(self.not_evaluated)}

    @classmethod
    def from_json(cls, key: str, raw: Mapping[str, Any]) -> StructureSummary:
        """Read what `to_json` made of a structure.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        names = {one.name for one in fields(Detection)}
        counts = {name: value for name, value in (raw["lesions"] or {}).items() if name in names}
        return cls(
            key,
            {metric.key: from_json_values(Statistics, raw[metric.key]) for metric in METRICS},
            {Status(word): n for word, n in raw["outcomes"].items()},
            PatientTable.from_json(raw["patients"]),
            from_json_values(Detection, counts) if counts else None,
            raw["not_evaluated"],
        )

    def _lesions(self) -> dict[str, Any] | None:
        if self.lesions is None:
            return None
        false_per_case = {
            size: ratio(n, self.lesions.scans) for size, n in self.lesions.false_positives_by_size.items()
        }
        return asdict(self.lesions) | {
            "sensitivity": self.lesions.sensitivity,
            "sensitivity_by_size": {size: found.sensitivity for size, found in self.lesions.by_size.items()},
            "any_overlap_sensitivity": self.lesions.any_overlap_sensitivity,
            "precision": self.lesions.precision,
            "f1": self.lesions.f1,
            "false_positives_per_case": self.false_positives_per_case,
            "false_positives_per_case_by_size": false_per_case,
        }


@dataclass(frozen=True)
class Coverage:
    """Number of annotated structures that a mean covers.

    Args:
        annotated: Keys annotated in some case.
        in_mean: Keys of these with a Dice.
        not_evaluated: Keys of the others -> reason.
    """

    annotated: tuple[str, ...]
    in_mean: tuple[str, ...]
    not_evaluated: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        counts = {"n": len(self.in_mean), "of_annotated": len(self.annotated)}
        return counts | {"annotated": list(self.annotated), "not_evaluated": dict(self.not_evaluated)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Coverage:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        annotated, missing = tuple(raw["annotated"]), raw["not_evaluated"]
        return cls(annotated, tuple(key for key in annotated if key not in missing), missing)


@dataclass(frozen=True)
class Summary:
    """Summary of all structures over all cases.

    Args:
        cases: Number of cases.
        patients: Number of patients.
        structures: Summaries in template order, including structures annotated but evaluated in no case.
        organ_dice: Mean over organs and vessels of their mean Dice; n is the number of structures with a Dice.
        lesion_dice: Same for tumours and cysts.
        organs, lesions: Coverage of these two means.
        curves: ROC and FROC of each lesion type with probabilities.
    """

    cases: int
    patients: int
    structures: tuple[StructureSummary, ...]
    organ_dice: Statistics
    lesion_dice: Statistics
    organs: Coverage
    lesions: Coverage
    curves: tuple[LesionCurves, ...] = ()

    def __getitem__(self, key: str) -> StructureSummary:
        return next(row for row in self.structures if row.key == key)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return {
            "cases": self.cases,
            "patients": self.patients,
            "organ_dice": asdict(self.organ_dice),
            "lesion_dice": asdict(self.lesion_dice),
            "organs": self.organs.to_json(),
            "lesions": self.lesions.to_json(),
            "curves": {row.key: row.to_json() for row in self.curves},
            "structures": {row.key: row.to_json() for row in self.structures},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Summary:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return cls(
            raw["cases"],
            raw["patients"],
            tuple(StructureSummary.from_json(key, row) for key, row in raw["structures"].items()),
            from_json_values(Statistics, raw["organ_dice"]),
            from_json_values(Statistics, raw["lesion_dice"]),
            Coverage.from_json(raw["organs"]),
            Coverage.from_json(raw["lesions"]),
            tuple(map(LesionCurves.from_json, raw["curves"].values())),
        )


def summarise(cases: Sequence[CaseScores]) -> Summary:
    """Summarise the scores of cases; independent of their order."""
    bootstrap = Bootstrap(case.patient for case in cases)
    found: dict[str, list[tuple[str, StructureScore]]] = {}
    not_evaluated: dict[str, Counter[str]] = {}
    for case in cases:
        for score in case.structures:
            found.setdefault(score.key, []).append((case.patient, score))
        for key, reason in case.not_evaluated.items():
            not_evaluated.setdefault(key, Counter())[reason] += 1
    rows = {key: found.get(key, []) for key in in_order([*found, *not_evaluated])}
    structures = tuple(_structure(key, rows[key], not_evaluated.get(key, {}), bootstrap) for key in rows)
    organs, lesions = (tuple(s for s in structures if kind_of(s.key).is_lesion is lesion) for lesion in (False, True))
    return Summary(
        cases=len(cases),
        patients=len({case.patient for case in cases}),
        structures=structures,
        organ_dice=_headline([rows[s.key] for s in organs], bootstrap),
        lesion_dice=_headline([rows[s.key] for s in lesions], bootstrap),
        organs=_coverage(organs),
        lesions=_coverage(lesions),
        curves=lesion_curves(cases),
    )


def _coverage(rows: Sequence[StructureSummary]) -> Coverage:
    annotated = [row for row in rows if row.all_annotated_cases]
    missing = [row for row in annotated if not row.dice.n]
    return Coverage(
        tuple(row.key for row in annotated),
        tuple(row.key for row in annotated if row.dice.n),
        {row.key: "; ".join([*([ABSENT] if row.annotated_cases else []), *row.not_evaluated]) for row in missing},
    )


def _structure(key: str, scores: _Scores, not_evaluated: Mapping[str, int], bootstrap: Bootstrap) -> StructureSummary:
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
        lesions=reduce(operator.add, detections) if detections else None,
        not_evaluated=not_evaluated,
    )


def observed(scores: _Scores, metric: str) -> list[Observation]:
    """Values of one metric of one structure, by case."""
    return [Observation(getattr(s, metric), patient, s.status is not Status.EVALUATED) for patient, s in scores]


def _headline(rows: Iterable[_Scores], bootstrap: Bootstrap) -> Statistics:
    """Mean over structures of their means over cases, with an interval over patients."""
    known = [[(p, s.dice) for p, s in scores if s.dice is not None] for scores in rows]
    columns = [([dice for _, dice in row], [patient for patient, _ in row]) for row in known if row]
    if not columns:
        return Statistics(0)
    over_structures = statistics(Observation(sum(values) / len(values)) for values, _ in columns)
    drawn = mean_of_means([bootstrap.means(values, patients) for values, patients in columns])
    interval = interval_95(drawn, len({patient for _, patients in columns for patient in patients}))
    return Statistics(**asdict(over_structures) | {"mean_95": interval})
