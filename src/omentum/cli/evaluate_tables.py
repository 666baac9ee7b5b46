"""What `omentum evaluate` prints: a table for one case or for many, a comparison, and remarks below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omentum.anatomy import STRUCTURES

if TYPE_CHECKING:
    from omentum.cli.evaluate_run import Judged
    from omentum.evaluate import CaseScores, Comparison, StructureScore, Summary
    from omentum.evaluate.comparison import PairedDifference
    from omentum.evaluate.detection import Detection
    from omentum.evaluate.summary import StructureSummary

SIGNIFICANT = 0.05


def case_table(scores: CaseScores) -> Any:
    """One case: a line for each structure that was annotated."""
    columns = ("Dice", "NSD", "HD95 mm", "ASSD mm", "ml", "reference ml", "lesions")
    table = _empty_table(scores.case, *columns)
    table.add_column("status")
    for score in scores.structures:
        if score.status != "not_annotated":
            table.add_row(*_case_row(score))
    return table


def summary_table(summary: Summary) -> Any:
    """Many cases: a line for each structure that was annotated in one of them."""
    columns = (
        "cases",
        "Dice mean",
        "95 %",
        "median",
        "5th pct",
        "NSD",
        "HD95 mm",
        "of found",
        "missed",
        "false",
        "lesions",
    )
    table = _empty_table(f"{summary.cases} cases of {summary.patients} patients", *columns)
    for row in summary.structures:
        if row.annotated_cases:
            table.add_row(*_summary_row(row))
    return table


def comparison_table(comparison: Comparison) -> Any:
    """Two models: a line for each structure and metric that differs beyond chance, or all of a single metric."""
    from omentum.evaluate import COMPARED

    labels = {metric.key: metric.label for metric in COMPARED}
    columns = ("metric", "patients", "difference", "95 %", "better", "worse", "effect", "p", "p (Holm)")
    title = f"{comparison.first} minus {comparison.second}, {comparison.cases} cases"
    table = _empty_table(title, *columns)
    for row in comparison.differences:
        if row.metric == COMPARED[0].key or row.p_holm < SIGNIFICANT:
            table.add_row(display(row.structure), labels[row.metric], *difference_cells(row))
    return table


def difference_cells(row: PairedDifference) -> list[str]:
    """Numbers of a comparison as text."""
    wins = [str(row.patients), f"{row.mean:+.3f}", interval(row.mean_95), str(row.first_better), str(row.second_better)]
    return [*wins, number(row.effect, 2), f"{row.p:.2g}", f"{row.p_holm:.2g}"]


def remarks(judged: Judged, summary: Summary) -> list[str]:
    """What a table cannot say."""
    means = (("organs and vessels", summary.organ_dice), ("tumours and cysts", summary.lesion_dice))
    lines = []
    for what, s in means:
        if s.mean is not None:
            bounds = f" (95 %: {interval(s.mean_95)})" if s.mean_95 else ""
            lines.append(f"mean Dice over {s.n} {what}: {s.mean:.3f}{bounds}")
    not_annotated = [display(row.key) for row in summary.structures if not row.annotated_cases]
    not_predicted = [display(key) for key in sorted({key for case in judged.scores for key in case.not_predicted})]
    counted = {case.case for case in judged.scores}
    told = (
        ("not annotated, not judged", not_annotated),
        ("annotated, but not asked of the prediction", not_predicted),
        ("no prediction, counted as missed", judged.without),
        ("could not be judged, counted as missed", [name for name in judged.failed if name in counted]),
        ("could not be judged nor counted", [name for name in judged.failed if name not in counted]),
    )
    return lines + [f"{what}: {', '.join(names)}" for what, names in told if names]


def display(key: str) -> str:
    """A structure's name for people."""
    return STRUCTURES[key].display


def number(value: float | None, digits: int) -> str:
    """A number, or a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(bounds: tuple[float, float] | None, digits: int = 3) -> str:
    """Two bounds, or a dash for none."""
    return "-" if bounds is None else f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def lesion_counts(found: Detection | None) -> str:
    """Found of how many, and false ones."""
    return f"{found.true_positives} of {found.reference_lesions}, {found.false_positives} false" if found else ""


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
        str(row.annotated_cases),
        number(dice.mean, 3),
        interval(dice.mean_95),
        number(dice.median, 3),
        number(dice.percentile_5, 3),
        number(row.metrics["nsd"].mean, 3),
        number(row.metrics["hd95_mm"].mean, 1),
        number(row.metrics["hd95_mm"].mean_without_missed, 1),
        str(patients.false_negatives),
        str(patients.false_positives),
        lesion_counts(row.lesions),
    ]


def _empty_table(title: str, *columns: str) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left")
    table.add_column("structure", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table
