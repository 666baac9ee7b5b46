"""Text shared by the tables of terminal and HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omentum.anatomy.pairs import display_of
from omentum.evaluate.metrics.hidden import most_hidden

if TYPE_CHECKING:
    from omentum.evaluate.evaluated_cases import EvaluatedCases
    from omentum.evaluate.metrics.comparison import Comparison, PairedDifference
    from omentum.evaluate.metrics.detection import Detection
    from omentum.evaluate.metrics.statistics import Statistics
    from omentum.evaluate.metrics.summary import Coverage, Summary

HIDDEN = (
    "predictions or references are label maps, one number a voxel; of what the other's masks have in one place, they "
    "show one structure, and the rest counts against the prediction (segmentation.seg.nrrd has all); at most of "
)


def difference_cells(row: PairedDifference) -> list[str]:
    """Format the numbers of a comparison."""
    wins = [str(row.patients), f"{row.mean:+.3f}", interval(row.mean_95), str(row.first_better), str(row.second_better)]
    return [*wins, number(row.effect, 2), f"{row.p:.2g}", f"{row.p_holm:.2g}"]


def remarks(evaluated: EvaluatedCases, summary: Summary) -> list[str]:
    """Remarks on the evaluation that do not fit in a table."""
    lines = [
        *_headline("organs and vessels", summary.organ_dice, summary.organs),
        *_headline("tumours and cysts", summary.lesion_dice, summary.lesions),
        *_evaluated_in_part(summary),
    ]
    not_annotated = [display(row.key) for row in summary.structures if not row.all_annotated_cases]
    counted = {case.case for case in evaluated.scores}
    told = (
        ("not annotated, not evaluated", not_annotated),
        ("no prediction, counted as missed", [name for name in evaluated.without if name in counted]),
        ("could not be evaluated, counted as missed", [name for name in evaluated.failed if name in counted]),
        ("could not be evaluated nor counted", [name for name in evaluated.failed if name not in counted]),
    )
    lines += [f"{what}: {', '.join(names)}" for what, names in told if names]
    if hidden := most_hidden(case.hidden for case in evaluated.scores):
        lines.append(HIDDEN + ", ".join(f"{display(key)} {share:.0%}" for key, share in hidden.items()))
    return lines


def about_comparison(comparison: Comparison) -> list[str]:
    """Sentences on what a comparison covers, and what only one model was evaluated on."""
    names = (comparison.first, comparison.second)
    lines = []
    for what, means in (("organs and vessels", comparison.organ_dice), ("tumours and cysts", comparison.lesion_dice)):
        if any(s.n for s in means):
            told = [f"{name} {number(s.mean, 3)} over {s.n}" for name, s in zip(names, means, strict=True)]
            lines.append(f"mean Dice over the {what} and cases that both were evaluated on: {', '.join(told)}")
    for name, keys in zip(names, (comparison.only_first, comparison.only_second), strict=True):
        if keys:
            lines.append(f"not compared, since only {name} was evaluated on it: {', '.join(map(display, keys))}")
    return lines


def _headline(what: str, dice: Statistics, coverage: Coverage) -> list[str]:
    """Mean with its coverage, then the structures left out and why."""
    if not coverage.annotated:
        return []
    bounds = f" (95 %: {interval(dice.mean_95)})" if dice.mean_95 else ""
    over = f"{len(coverage.in_mean)} of {len(coverage.annotated)} annotated {what}"
    by_reason: dict[str, list[str]] = {}
    for key, reason in coverage.not_evaluated.items():
        by_reason.setdefault(reason, []).append(display(key))
    not_evaluated = [f"  not in it ({reason}): {', '.join(names)}" for reason, names in by_reason.items()]
    return [f"mean Dice over {over}: {number(dice.mean, 3)}{bounds}", *not_evaluated]


def _evaluated_in_part(summary: Summary) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for row in summary.structures:
        if row.not_evaluated and row.annotated_cases:
            told = f"{display(row.key)} {row.annotated_cases} of {row.all_annotated_cases}"
            by_reason.setdefault("; ".join(row.not_evaluated), []).append(told)
    return [f"evaluated in some cases only ({reason}): {', '.join(rows)}" for reason, rows in by_reason.items()]


def display(key: str) -> str:
    """Display name of a structure or pair."""
    return display_of(key)


def number(value: float | None, digits: int) -> str:
    """Format a number; a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(bounds: tuple[float, float] | None, digits: int = 3) -> str:
    """Format an interval; a dash for None."""
    return "-" if bounds is None else f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def lesion_counts(found: Detection | None) -> str:
    """Format true positives out of reference lesions, and false positives."""
    return f"{found.true_positives} of {found.reference_lesions}, {found.false_positives} FP" if found else ""
