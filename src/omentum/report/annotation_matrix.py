"""Heatmap of the annotations: structures by datasets, brightness is the share of annotated cases."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from omentum.report.preview import BACKGROUND, DPI, FAINT_TEXT, TEXT

_CELL_IN, _ROW_IN = 0.62, 0.27
_LEFT_IN, _TOP_IN, _EDGE_IN = 2.2, 1.9, 0.3
_SHADES = LinearSegmentedColormap.from_list("annotated", ["#14202b", "#2f7fb8", "#8fd0ff"])
_DARK_ON_LIGHT = 0.7
"""Share of annotated cases above which the number in a cell is drawn dark."""


def annotation_matrix_png(
    structures: Sequence[str], datasets: Sequence[str], annotated: NDArray[np.int64], cases: Sequence[int]
) -> bytes:
    """Draw the matrix as PNG.

    Args:
        structures: Names of the rows.
        datasets: Names of the columns.
        annotated: Number of cases in which the structure is annotated, shape [rows, columns]; 0 leaves the cell empty.
        cases: Number of cases of each dataset.
    """
    width = _LEFT_IN + _CELL_IN * len(datasets) + _EDGE_IN
    height = _TOP_IN + _ROW_IN * len(structures) + _EDGE_IN
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    inside = (_LEFT_IN / width, _EDGE_IN / height, _CELL_IN * len(datasets) / width, _ROW_IN * len(structures) / height)
    axes = figure.add_axes(inside, facecolor=BACKGROUND)
    share = annotated / np.maximum(cases, 1)
    axes.imshow(np.ma.masked_equal(share, 0), cmap=_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="none")
    for row, column in zip(*np.nonzero(annotated), strict=True):
        colour = BACKGROUND if share[row, column] >= _DARK_ON_LIGHT else TEXT
        axes.text(column, row, f"{annotated[row, column]}", color=colour, fontsize=8, ha="center", va="center")
    axes.set_yticks(range(len(structures)), structures, color=TEXT, fontsize=9)
    names = [f"{name} ({number})" for name, number in zip(datasets, cases, strict=True)]
    axes.set_xticks(range(len(datasets)), names, color=TEXT, fontsize=9, rotation=60, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(datasets) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(structures) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=BACKGROUND, linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    note = "cases in which a structure was looked for; brighter: a larger share of the dataset"
    figure.text(_EDGE_IN / width, 0.1 / height, note, color=FAINT_TEXT, fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=BACKGROUND, metadata={"Software": "omentum"})
    return out.getvalue()
