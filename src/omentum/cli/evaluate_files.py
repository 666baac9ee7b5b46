"""What `omentum evaluate` writes: all scores as JSON, one line a case and structure as CSV."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omentum.cli.evaluate_run import Judged
    from omentum.evaluate import CaseScores, Comparison, Rules, StructureScore, Summary


def write_json(path: Path, content: dict[str, Any]) -> None:
    """JSON with null for what does not exist, never NaN."""
    from omentum.io.outputs import replacing

    text = json.dumps(content, indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write(text.encode())


def content(judged: Judged, summary: Summary, rules: Rules) -> dict[str, Any]:
    """Scores of one model as JSON values."""
    tolerances = {key: asdict(row) for key, row in rules.tolerances.items()}
    told = {"distances": rules.distances, "minimum_lesion_ml": rules.minimum_lesion_ml, "tolerances": tolerances}
    return {
        "omentum": version("omentum"),
        "rules": told,
        "cases": [case.to_json() for case in judged.scores],
        "failed": judged.failed,
        "without_prediction": judged.without,
        "summary": summary.to_json(),
    }


def compared_content(judged: Judged, summary: Summary, comparison: Comparison) -> dict[str, Any]:
    """What a second model adds."""
    other = {
        "cases": [case.to_json() for case in judged.scores],
        "failed": judged.failed,
        "without_prediction": judged.without,
        "summary": summary.to_json(),
    }
    return {"other": other, "comparison": comparison.to_json()}


def write_csv(path: Path, cases: list[CaseScores]) -> None:
    """One line a case and structure."""
    from omentum.io.outputs import replacing
    from omentum.report.table import csv_text

    rows = [_csv_row(case, score) for case in cases for score in case.structures]
    with replacing(path) as file:
        file.write(csv_text(rows).encode(errors="replace"))


def _csv_row(case: CaseScores, score: StructureScore) -> dict[str, Any]:
    columns = {"case": case.case, "patient": case.patient, "structure": score.key, **score.to_json()}
    del columns["key"], columns["lesions"]
    found = score.lesions
    return columns | {
        "lesions_found": found and found.true_positives,
        "lesions_missed": found and found.false_negatives,
        "lesions_false": found and found.false_positives,
    }
