"""Output files of `omentum evaluate`: scores as CSV, operating points as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, StructureScore
    from omentum.evaluate.metrics.roc import LesionCurves


def write_csv(path: Path, cases: Sequence[CaseScores]) -> None:
    """Write one row per case and structure."""
    from omentum.atomic import replacing
    from omentum.measure.csv_table import csv_text

    rows = [row for case in cases for row in _csv_rows(case)]
    columns = dict.fromkeys(name for row in rows for name in row)
    with replacing(path) as file:
        file.write(csv_text([dict.fromkeys(columns) | row for row in rows]).encode(errors="replace"))


def write_operating_points(path: Path, curves: Sequence[LesionCurves]) -> None:
    """Write one row per lesion type and false-positive rate.

    The threshold is empty if no threshold detects anything within the rate, or if the references have no lesion.
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
    """Rows of the evaluated structures, then of those not evaluated, with the reason."""
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
