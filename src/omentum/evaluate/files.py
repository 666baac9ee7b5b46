"""What `omentum evaluate` writes: all scores as JSON, one line a case and structure as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, Comparison, Rules, StructureScore, Summary
    from omentum.evaluate.cases import EvaluatedCases
    from omentum.evaluate.metrics.roc import LesionCurves


def write_json(path: Path, content: dict[str, Any]) -> None:
    """JSON with null for what does not exist, never NaN."""
    from omentum.atomic import replacing

    text = json.dumps(content, indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write(text.encode())


def content(evaluated: EvaluatedCases, summary: Summary, rules: Rules) -> dict[str, Any]:
    """Scores of one model as JSON values."""
    evaluated_keys = (score.key for case in evaluated.scores for score in case.structures)
    tolerances = {key: asdict(rules.tolerances[key]) for key in dict.fromkeys([*rules.tolerances, *evaluated_keys])}
    told = {"distances": rules.distances, "minimum_lesion_ml": rules.minimum_lesion_ml, "tolerances": tolerances}
    return {
        "omentum": version("omentum"),
        "rules": told,
        "cases": [case.to_json() for case in evaluated.scores],
        "failed": evaluated.failed,
        "without_prediction": evaluated.without,
        "summary": summary.to_json(),
    }


def compared_content(evaluated: EvaluatedCases, summary: Summary, comparison: Comparison) -> dict[str, Any]:
    """What a second model adds."""
    second = {
        "cases": [case.to_json() for case in evaluated.scores],
        "failed": evaluated.failed,
        "without_prediction": evaluated.without,
        "summary": summary.to_json(),
    }
    return {"second": second, "comparison": comparison.to_json()}


def write_csv(path: Path, cases: list[CaseScores]) -> None:
    """One line a case and structure."""
    from omentum.atomic import replacing
    from omentum.measure.csv_table import csv_text

    rows = [row for case in cases for row in _csv_rows(case)]
    columns = dict.fromkeys(name for row in rows for name in row)
    with replacing(path) as file:
        file.write(csv_text([dict.fromkeys(columns) | row for row in rows]).encode(errors="replace"))


def write_operating_points(path: Path, curves: Sequence[LesionCurves]) -> None:
    """One line a lesion type and rate of false positives; an empty threshold where none finds anything within the rate,
    or where the references have no lesion.
    """
    from omentum.atomic import replacing
    from omentum.evaluate.metrics.detection import SIZE_BINS_MM
    from omentum.measure.csv_table import csv_text

    by_size = {size: f"sensitivity {size}" for size in SIZE_BINS_MM}
    columns = [
        *("structure", "allowed_false_positives_per_scan", "threshold", "false_positives_per_scan", "sensitivity"),
        *(*by_size.values(), "lesions", "scans", "source"),
    ]
    rows = []
    for row in curves:
        for at in row.froc.points:
            sizes = [at.sensitivity_by_size[size] for size in by_size]
            told = (row.key, at.rate, at.threshold, at.false_positives_per_scan, at.sensitivity, *sizes)
            rows.append(dict(zip(columns, (*told, row.froc.lesions, row.froc.scans, row.source), strict=True)))
    with replacing(path) as file:
        file.write(csv_text(rows, columns).encode())


def _csv_rows(case: CaseScores) -> Iterator[dict[str, Any]]:
    """The structures that were evaluated, then those that were not, with the reason."""
    for score in case.structures:
        yield _csv_row(case, score)
    for key, reason in case.not_evaluated.items():
        yield {
            "case": case.case,
            "patient": case.patient,
            "structure": key,
            "status": "not_evaluated",
            "not_evaluated": reason,
        }


def _csv_row(case: CaseScores, score: StructureScore) -> dict[str, Any]:
    columns = {"case": case.case, "patient": case.patient, "structure": score.key, **score.to_json()}
    del columns["key"], columns["lesions"]
    found, curve = score.lesions, case.curves.get(score.key)
    return columns | {
        "lesion_true_positives": found and found.true_positives,
        "lesion_false_negatives": found and found.false_negatives,
        "lesion_false_positives": found and found.false_positives,
        "highest_probability": curve and curve.score,
        "probability_source": curve and curve.source,
        "not_evaluated": None,
    }
