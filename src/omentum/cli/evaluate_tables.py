"""What `omentum evaluate` prints: a table for one case or for many, a comparison, and remarks below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omentum.anatomy.pairs import display_of
from omentum.words import counted

if TYPE_CHECKING:
    from omentum.cli.evaluate_run import Judged
    from omentum.evaluate import CaseScores, Comparison, StructureScore, Summary
    from omentum.evaluate.comparison import PairedDifference
    from omentum.evaluate.detection import Detection
    from omentum.evaluate.statistics import Statistics
    from omentum.evaluate.summary import Coverage, StructureSummary

SIGNIFICANT = 0.05


def case_table(scores: CaseScores) -> Any:
    """One case: a line for each structure that was annotated."""
    columns = ("Dice", "NSD", "HD95 mm", "ASSD mm", "ml", "reference ml", "lesions")
    table = empty_table(scores.case, *columns)
    table.add_column("status")
    for score in scores.structures:
        if score.status != "not_annotated":
            table.add_row(*_case_row(score))
    return table


def summary_table(summary: Summary) -> Any:
    """Many cases: a line for each structure that was annotated in one of them."""
    columns = (
        "mean over",
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
    table = empty_table(f"{counted(summary.cases, 'case')} of {counted(summary.patients, 'patient')}", *columns)
    for row in summary.structures:
        if row.annotated_cases:
            table.add_row(*_summary_row(row))
    return table


def comparison_table(comparison: Comparison) -> Any:
    """Two models: a line for each structure and metric that differs beyond chance, or all of a single metric."""
    from omentum.evaluate import COMPARED

    labels = {metric.key: metric.label for metric in COMPARED}
    columns = ("metric", "patients", "difference", "95 %", "better", "worse", "effect", "p", "p (Holm)")
    title = f"{comparison.first} minus {comparison.second}, {counted(comparison.cases, 'case')}"
    table = empty_table(title, *columns)
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
    lines = [
        *_headline("organs and vessels", summary.organ_dice, summary.organs),
        *_headline("tumours and cysts", summary.lesion_dice, summary.lesions),
        *_judged_in_part(summary),
    ]
    not_annotated = [display(row.key) for row in summary.structures if not row.all_annotated_cases]
    counted = {case.case for case in judged.scores}
    told = (
        ("not annotated, not judged", not_annotated),
        ("no prediction, counted as missed", [name for name in judged.without if name in counted]),
        ("could not be judged, counted as missed", [name for name in judged.failed if name in counted]),
        ("could not be judged nor counted", [name for name in judged.failed if name not in counted]),
    )
    return lines + [f"{what}: {', '.join(names)}" for what, names in told if names]


def about_comparison(comparison: Comparison) -> list[str]:
    """What two models are compared over, and what only one of them was judged on."""
    names = (comparison.first, comparison.second)
    lines = []
    for what, means in (("organs and vessels", comparison.organ_dice), ("tumours and cysts", comparison.lesion_dice)):
        if any(s.n for s in means):
            told = [f"{name} {number(s.mean, 3)} over {s.n}" for name, s in zip(names, means, strict=True)]
            lines.append(f"mean Dice over the {what} and cases that both were judged on: {', '.join(told)}")
    for name, keys in zip(names, (comparison.only_first, comparison.only_second), strict=True):
        if keys:
            lines.append(f"not compared, since only {name} was judged on it: {', '.join(map(display, keys))}")
    return lines


def _headline(what: str, dice: Statistics, coverage: Coverage) -> list[str]:
    """The mean and how much it is over, then what it leaves out and why."""
    if not coverage.annotated:
        return []
    bounds = f" (95 %: {interval(dice.mean_95)})" if dice.mean_95 else ""
    over = f"{len(coverage.in_mean)} of {len(coverage.annotated)} annotated {what}"
    by_reason: dict[str, list[str]] = {}
    for key, reason in coverage.left_out.items():
        by_reason.setdefault(reason, []).append(display(key))
    left_out = [f"  left out of it ({reason}): {', '.join(names)}" for reason, names in by_reason.items()]
    return [f"mean Dice over {over}: {number(dice.mean, 3)}{bounds}", *left_out]


def _judged_in_part(summary: Summary) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for row in summary.structures:
        if row.left_out and row.annotated_cases:
            told = f"{display(row.key)} {row.annotated_cases} of {row.all_annotated_cases}"
            by_reason.setdefault("; ".join(row.left_out), []).append(told)
    return [f"judged in some cases only ({reason}): {', '.join(rows)}" for reason, rows in by_reason.items()]


def display(key: str) -> str:
    """A structure's or pair's name for people."""
    return display_of(key)


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
        f"{dice.n} of {row.all_annotated_cases}",
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


def empty_table(title: str, *columns: str) -> Any:
    """A table with a column of names and columns of numbers."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left")
    table.add_column("structure", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table
