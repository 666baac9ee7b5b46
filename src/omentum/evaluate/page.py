"""HTML page of `omentum evaluate`, from the results of `omentum.evaluate` and the plots of `omentum.report`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.evaluate.curves import curves_page
from omentum.evaluate.formatting import about_comparison, difference_cells, display, interval, number, remarks
from omentum.evaluate.html import PageFigure, PageSection, PageSlices, Part, page_html
from omentum.formatting import counted, listed
from omentum.report.box_plots import box_plots
from omentum.report.curve_plots import curves_svg
from omentum.report.page import PageTable

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, Comparison, Rules, Summary
    from omentum.evaluate.evaluated_cases import EvaluatedCases
    from omentum.evaluate.evaluation import Evaluation
    from omentum.evaluate.metrics.summary import StructureSummary
    from omentum.evaluate.worst_cases import WorstCase

WORST = 25
"""Maximum number of rows in the table of worst cases."""

LISTED = 8
"""Maximum number of cases named in one cell."""

PENALTY = (
    "FN + FP counts the cases with the structure in only one of prediction and reference; they enter the means with a "
    "Dice and NSD of 0 and the image's diagonal as distance. 'Detected only' leaves them out."
)

PICTURES = (
    "The worst cases of each structure, in the axial slice with most voxels in only one of the two. Solid blue: "
    "reference; dashed orange: prediction. Anterior is up, the patient's right on the left. On black where the CT "
    "is not beside its reference."
)

_PLOTTED = (("dice", "Dice", True), ("nsd", "NSD", True), ("hd95_mm", "HD95 in mm (detected only)", False))


def write_page(path: Path, result: Evaluation) -> None:
    """Write the self-contained page."""
    from omentum.atomic import replacing

    evaluated, summary, comparison = result.evaluated, result.summary, result.comparison
    rules = result.rules
    cases, patients = counted(summary.cases, "case"), counted(summary.patients, "patient")
    made = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    subtitle = f"{cases} of {patients}, omentum {version('omentum')}, {made}. Not for clinical use."
    inputs = PageTable(
        "Inputs of this evaluation", ["", "what"], [list(fact) for fact in result.inputs.items()], words={"", "what"}
    )
    sections = [
        *([PageSection("Inputs", [inputs])] if result.inputs else []),
        PageSection("Structures", [*remarks(evaluated, summary), PENALTY, _structures(summary)]),
        PageSection("Distributions", _figures(evaluated.scores, summary)),
        PageSection("Worst cases", [_worst(evaluated.scores), _penalised(evaluated.scores, summary)]),
        *([PageSection("Worst cases in pictures", [PICTURES, _pictures(result.pictures)])] if result.pictures else []),
        *([_compared(comparison)] if comparison else []),
        *([PageSection("Lesions", [_lesions(summary)])] if any(row.lesions for row in summary.structures) else []),
        *([_detection(summary)] if summary.curves else []),
        PageSection("Patients", [_patients(summary)]),
        *([_not_evaluated(summary)] if any(row.not_evaluated for row in summary.structures) else []),
        *([PageSection("Could not be evaluated", [_failures(evaluated)])] if evaluated.failed else []),
        PageSection("How it was measured", [*_method(rules), _tolerances(rules)]),
    ]
    with replacing(path) as file:
        file.write(page_html("Evaluation", subtitle, sections))


def _annotated(summary: Summary) -> list[StructureSummary]:
    return [row for row in summary.structures if row.annotated_cases]


def _structures(summary: Summary) -> PageTable:
    from omentum.evaluate import METRICS

    rows = []
    for row in _annotated(summary):
        dice, far = row.dice, row.metrics["hd95_mm"]
        spread = [interval(dice.mean_95), number(dice.median, 3), number(dice.percentile_5, 3)]
        means = [number(row.metrics[metric.key].mean, metric.digits) for metric in METRICS]
        counts = [f"{dice.n} of {row.all_annotated_cases}", str(dice.n_penalised)]
        rows.append([display(row.key), *counts, means[0], *spread, *means[1:], number(far.mean_detected_only, 1)])
    labels = [metric.label for metric in METRICS]
    head = [
        "structure",
        "mean over",
        "FN + FP",
        labels[0],
        "95 %",
        "median",
        "5th pct",
        *labels[1:],
        "HD95 (detected only)",
    ]
    return PageTable("Means over cases: so many of those annotated", head, rows)


def _figures(cases: Sequence[CaseScores], summary: Summary) -> list[Part]:
    figures: list[Part] = []
    for metric, label, unit_range in _PLOTTED:
        values: dict[str, list[float]] = {row.key: [] for row in _annotated(summary)}
        for case in cases:
            for score in case.structures:
                value = getattr(score, metric)
                if value is not None and (unit_range or score.status == "evaluated"):
                    values[score.key].append(value)
        if any(values.values()):
            figures.append(
                PageFigure(f"{label} by structure, one point a case", box_plots(values, label, unit_range=unit_range))
            )
    return figures


def _worst(cases: Sequence[CaseScores]) -> PageTable:
    scored = [(s.dice, case.case, s) for case in cases for s in case.structures if s.status == "evaluated"]
    rows = [
        [case, display(s.key), number(s.dice, 3), number(s.nsd, 3), number(s.hd95_mm, 1), number(s.volume_error_ml, 1)]
        for _, case, s in sorted(scored, key=lambda row: row[:2])[:WORST]
    ]
    head = ["case", "structure", "Dice", "NSD", "HD95 mm", "volume error ml"]
    return PageTable(f"The {len(rows)} lowest Dice where the structure is in both", head, rows, words={"structure"})


def _pictures(worst: Sequence[WorstCase]) -> PageSlices:
    said = {"false_negative": "false negative", "false_positive": "false positive"}
    pictures = []
    for one in worst:
        score = said.get(one.score.status, f"Dice {number(one.score.dice, 3)}")
        where = f"slice {one.difference.slice} along {'ijk'[one.difference.axis]}"
        pictures.append((f"{display(one.score.key)}, {one.case}: {score}, {where}", one.difference.picture))
    return PageSlices(pictures)


def _penalised(cases: Sequence[CaseScores], summary: Summary) -> PageTable:
    rows = []
    for key in (row.key for row in _annotated(summary) if row.dice.n_penalised):
        scored = [(case.case, score.status) for case in cases for score in case.structures if score.key == key]
        false_negatives, false_positives = (
            [case for case, status in scored if status == kind] for kind in ("false_negative", "false_positive")
        )
        rows.append([display(key), listed(false_negatives, LISTED), listed(false_positives, LISTED)])
    head = ["structure", "false negative", "false positive"]
    return PageTable("Structures in only one of prediction and reference", head, rows, words=head[1:])


def _comparison(comparison: Comparison) -> PageTable:
    from omentum.evaluate import COMPARED

    labels = {metric.key: metric.label for metric in COMPARED}
    head = ["structure", "metric", "patients", "difference", "95 %", "better", "worse", "effect", "p", "p (Holm)"]
    rows = [[display(row.structure), labels[row.metric], *difference_cells(row)] for row in comparison.differences]
    return PageTable(
        f"{comparison.first} minus {comparison.second}, {counted(comparison.cases, 'case')}",
        head,
        rows,
        words={"metric"},
    )


def _compared(comparison: Comparison) -> PageSection:
    return PageSection("Comparison", [_about(comparison), *about_comparison(comparison), _comparison(comparison)])


def _detection(summary: Summary) -> PageSection:
    roc = {row.key: row.roc.points for row in summary.curves if row.roc.points}
    froc = {row.key: _drawable(row.froc.false_positives_per_scan, row.froc.sensitivity) for row in summary.curves}
    figure = PageFigure("ROC by patient and FROC by lesion, one mark a threshold", curves_svg(roc, froc))
    return PageSection("Lesion detection over all thresholds", [*curves_page(summary.curves), figure])


def _drawable(xs: Sequence[float | None], ys: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]


def _not_evaluated(summary: Summary) -> PageSection:
    rows = [
        [display(row.key), f"{cases} of {row.all_annotated_cases}", reason]
        for row in summary.structures
        for reason, cases in row.not_evaluated.items()
    ]
    head = ["structure", "cases", "why"]
    return PageSection(
        "Not evaluated", [PageTable("Annotated, but in no number of these cases", head, rows, words={"why"})]
    )


def _about(comparison: Comparison) -> str:
    return (
        f"Better and worse count patients for whom {comparison.first} is better or worse. Two-sided Wilcoxon "
        "signed-rank test over patients, corrected over the structures of each metric (Holm); effect: matched-pairs "
        f"rank-biserial correlation, 1 when {comparison.first} is better in every patient."
    )


def _lesions(summary: Summary) -> PageTable:
    from omentum.evaluate.metrics.overlap import ratio

    found = [(row, row.lesions) for row in _annotated(summary) if row.lesions]
    sizes = list(found[0][1].by_size) if found else []
    rows = []
    for row, lesions in found:
        rates = [number(value, 3) for value in (lesions.sensitivity, lesions.precision, lesions.f1)]
        by_size = [f"{lesions.by_size[s].found} of {lesions.by_size[s].total}" for s in sizes]
        false = [number(ratio(lesions.false_positives_by_size[s], lesions.scans), 2) for s in sizes]
        rows.append(
            [
                display(row.key),
                str(lesions.reference_lesions),
                *rates,
                *by_size,
                number(row.false_positives_per_case, 2),
                *false,
            ]
        )
    head = ["type", "lesions", "sensitivity", "precision", "F1", *(f"TP {s}" for s in sizes), "FP per scan"]
    caption = "Connected components (26 neighbours), matched one to one from IoU 0.1 on; size: diameter of equal volume"
    return PageTable(caption, [*head, *(f"FP per scan {s}" for s in sizes)], rows)


def _patients(summary: Summary) -> PageTable:
    rows = []
    for row in _annotated(summary):
        t = row.patients
        counts = [str(n) for n in (t.true_positives, t.false_negatives, t.true_negatives, t.false_positives)]
        rates = [
            number(t.sensitivity, 3),
            interval(t.sensitivity_95),
            number(t.specificity, 3),
            interval(t.specificity_95),
        ]
        rows.append([display(row.key), *counts, *rates])
    head = ["structure", "TP", "FN", "TN", "FP", "sensitivity", "95 %", "specificity", "95 %"]
    return PageTable("Detection by patient: true and false positives and negatives; Wilson intervals", head, rows)


def _failures(evaluated: EvaluatedCases) -> PageTable:
    head = ["case", "reason"]
    return PageTable(
        "Counted as missed where the reference can be read", head, list(evaluated.failed.items()), words={"reason"}
    )


def _method(rules: Rules) -> list[str]:
    told = (
        "Everything is measured on the reference's own grid, in mm, and only for structures its annotators looked for. "
        "A structure that a prediction lacks is a false negative, unless it was not asked for. "
        "Structures in neither have no number and are left out of means. Means are over cases, the headline is the "
        "mean over structures; 95 % intervals are percentile bootstraps over patients."
    )
    surfaces = (
        "NSD, HD95 and ASSD weight each surface element with its area (as google-deepmind/surface-distance does); "
        "HD95 is the larger of the two directed percentiles."
    )
    lesions = f"Lesions below {rules.minimum_lesion_ml} ml are neither asked for nor held against the prediction."
    return [told, surfaces, lesions] if rules.distances else [told, lesions]


def _tolerances(rules: Rules) -> PageTable:
    rows = [[display(key), f"{row.mm:g}", row.source] for key, row in rules.tolerances.items()]
    head = ["structure", "mm", "source"]
    return PageTable("NSD tolerances", head, rows if rules.distances else [], words={"source"})
