"""ROC and FROC as tables for terminal and page; plots are in `omentum.report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omentum.evaluate.formatting import display, interval, number
from omentum.evaluate.html import Part
from omentum.evaluate.metrics.detection import SIZE_BINS_MM
from omentum.evaluate.metrics.roc import RATES
from omentum.report.page import PageTable

if TYPE_CHECKING:
    from omentum.evaluate.metrics.roc import LesionCurves, OperatingPoint

RATE_NAMES = tuple(f"1/{1 / rate:g}" if rate < 1 else f"{rate:g}" for rate in RATES)

FROM_LISTS = (
    "From lesion lists: lesions of the finished segmentations with their mean probabilities. What lies below the "
    "threshold they were made with is not in them, so a curve ends there; probability maps (omentum segment "
    "--probabilities) have it all."
)
HOW = (
    "ROC: a patient's score is the highest probability in any scan. FROC: at each threshold the components of what is "
    "at least that probable are matched with the reference as in the table of lesions. The sensitivity at a rate of "
    "false positives a scan is the highest of any threshold within it, 0 without a threshold where none finds any. "
    "Thresholds apply to the probabilities as they are, before any cleaning. Chosen and scored on the same cases, they "
    "flatter: choose on validation cases."
)


def curves_remarks(curves: Sequence[LesionCurves]) -> list[str]:
    """Remarks on the source of the probabilities, and on missing ones."""
    from omentum.evaluate.metrics.operating import LISTS

    lines = [FROM_LISTS] if any(LISTS in row.source for row in curves) else []
    without = [f"{display(row.key)} {row.without} of {row.without + row.cases} cases" for row in curves if row.without]
    nothing = [display(row.key) for row in curves if not row.froc.lesions]
    if nothing:
        lines.append(f"no lesion in the references, so neither sensitivity nor threshold: {', '.join(nothing)}")
    return lines + ([f"without probabilities, in no curve: {', '.join(without)}"] if without else [])


def curves_page(curves: Sequence[LesionCurves]) -> list[Part]:
    """Curves and tables for the HTML page."""
    rows = [cells for row in curves for cells in curve_rows(row)]
    at_rates = PageTable("At so many false positives a scan", ["type", *curve_columns()], rows, words={"", "from"})
    return [HOW, *curves_remarks(curves), at_rates, _by_size(curves)]


def curve_columns() -> list[str]:
    """Names of the columns after the first."""
    return ["patients", "AUC", "95 %", "lesions", "scans", "", *RATE_NAMES, "mean", "95 %", "from"]


def curve_rows(row: LesionCurves) -> list[list[str]]:
    """Two rows of cells per lesion type: sensitivities, and their thresholds."""
    roc, froc = row.roc, row.froc
    who = [f"{roc.diseased} + {roc.healthy}", number(roc.auc, 3), interval(roc.auc_95, 2)]
    counts = [str(froc.lesions), str(froc.scans)]
    found = [_sensitivity(point) for point in froc.points]
    mean = [number(froc.mean_sensitivity, 3), interval(froc.mean_sensitivity_95, 2), row.source]
    thresholds = [number(point.threshold, 2) for point in froc.points]
    return [
        [display(row.key), *who, *counts, "sensitivity", *found, *mean],
        *[["", *[""] * 5, "threshold", *thresholds, *[""] * 3]],
    ]


def _sensitivity(point: OperatingPoint) -> str:
    return number(point.sensitivity, 3)


def _by_size(curves: Sequence[LesionCurves]) -> PageTable:
    rows = [
        [display(row.key), size, *(number(point.sensitivity_by_size[size], 3) for point in row.froc.points)]
        for row in curves
        for size in SIZE_BINS_MM
    ]
    return PageTable("Sensitivity at these thresholds by size", ["type", "size", *RATE_NAMES], rows, words={"size"})
