"""Tables of `omentum evaluate`: one case, a summary of many, a comparison, and remarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omentum.evaluate.curves import curve_columns, curve_rows
from omentum.evaluate.formatting import difference_cells, display, interval, lesion_counts, number
from omentum.formatting import counted

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, Comparison, StructureScore, Summary
    from omentum.evaluate.metrics.roc import LesionCurves
    from omentum.evaluate.metrics.summary import StructureSummary


SIGNIFICANT = 0.05


def case_table(scores: CaseScores) -> Any:
    """Table of one case: a row per annotated structure."""
    columns = ("Dice", "NSD", "HD95 mm", "ASSD mm", "ml", "reference ml", "lesions")
    table = empty_table(scores.case, *columns)
    table.add_column("status")
    for score in scores.structures:
        if score.status != "not_annotated":
            table.add_row(*_case_row(score))
    return table


def summary_table(summary: Summary) -> Any:
    """Summary table: a row per structure annotated in some case."""
    columns = (
        "mean over",
        "Dice mean",
        "95 %",
        "median",
        "5th pct",
        "NSD",
        "HD95 mm",
        "detected only",
        "FN",
        "FP",
        "lesions",
    )
    table = empty_table(f"{counted(summary.cases, 'case')} of {counted(summary.patients, 'patient')}", *columns)
    for row in summary.structures:
        if row.annotated_cases:
            table.add_row(*_summary_row(row))
    return table


def comparison_table(comparison: Comparison) -> Any:
    """Comparison table: significant differences per structure and metric, or all of a single metric."""
    from omentum.evaluate import COMPARED

    labels = {metric.key: metric.label for metric in COMPARED}
    columns = ("metric", "patients", "difference", "95 %", "better", "worse", "effect", "p", "p (Holm)")
    title = f"{comparison.first} minus {comparison.second}, {counted(comparison.cases, 'case')}"
    table = empty_table(title, *columns)
    for row in comparison.differences:
        if row.metric == COMPARED[0].key or row.p_holm < SIGNIFICANT:
            table.add_row(display(row.structure), labels[row.metric], *difference_cells(row))
    return table


def _case_row(score: StructureScore) -> list[str]:
    return [
        display(score.key),
        number(score.dice, 3),
        number(score.nsd, 3),
        number(score.hd95_mm, 1),
        number(score.assd_mm, 2),
        number(score.predicted_ml, 1),
        number(score.reference_ml, 1),
        lesion_counts(score.lesions),
        score.status.replace("_", " "),
    ]


def _summary_row(row: StructureSummary) -> list[str]:
    dice, patients = row.dice, row.patients
    return [
        display(row.key),
        f"{dice.n} of {row.all_annotated_cases}",
        number(dice.mean, 3),
        interval(dice.mean_95),
        number(dice.median, 3),
        number(dice.percentile_5, 3),
        number(row.metrics["nsd"].mean, 3),
        number(row.metrics["hd95_mm"].mean, 1),
        number(row.metrics["hd95_mm"].mean_detected_only, 1),
        str(patients.false_negatives),
        str(patients.false_positives),
        lesion_counts(row.lesions),
    ]


def empty_table(title: str, *columns: str) -> Any:
    """Empty table with one column of names and further columns of numbers."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left")
    table.add_column("structure", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def curves_table(curves: Sequence[LesionCurves]) -> Any:
    """Two rows per lesion type: sensitivity at each false-positive rate, and its threshold."""
    table = empty_table("lesion detection over all thresholds; at so many false positives per scan", *curve_columns())
    for row in curves:
        for cells in curve_rows(row):
            table.add_row(*cells)
    return table
