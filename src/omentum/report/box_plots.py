"""Box plots of an evaluation as SVG: one row per structure, in its colour, with a point per case."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from omentum.anatomy.pairs import display_of, kind_of

WIDTH_IN, ROW_IN, MARGIN_IN = 8.0, 0.3, 0.8
POINTS_SEED = 0
"""Seed of the vertical jitter of the points, fixed for reproducible files."""


def box_plots(values: Mapping[str, Sequence[float]], label: str, *, unit_range: bool) -> bytes:
    """Draw the distribution of one metric over cases as SVG.

    Args:
        values: Structure key -> one value per case; structures without values are left out.
        label: Axis label, with unit.
        unit_range: Let the axis run from 0 to 1; otherwise from 0 to the largest value.

    Returns:
        An SVG file.
    """
    rows = {key: np.asarray(numbers, float) for key, numbers in values.items() if len(numbers)}
    # A fixed hash salt makes the ids, and therefore the file, reproducible.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "omentum", "font.family": "sans-serif"}):
        figure = Figure(figsize=(WIDTH_IN, MARGIN_IN + ROW_IN * max(1, len(rows))), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        _draw(axes, rows)
        axes.set_xlabel(label)
        axes.set_xlim(-0.02 if unit_range else 0, 1.02 if unit_range else None)
        out = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "omentum"})
    return out.getvalue()


def _draw(axes: Axes, rows: Mapping[str, np.ndarray]) -> None:
    scatter = np.random.default_rng(POINTS_SEED)
    heights = np.arange(len(rows))
    for height, (key, numbers) in zip(heights, rows.items(), strict=True):
        colour = tuple(channel / 255 for channel in kind_of(key).colour)
        box = axes.boxplot(
            [numbers], positions=[height], orientation="horizontal", widths=0.6, showfliers=False, patch_artist=True
        )
        box["boxes"][0].set(facecolor=colour, alpha=0.6)
        box["medians"][0].set(color="black", linewidth=1.5)
        axes.plot(
            numbers, height + scatter.uniform(-0.2, 0.2, len(numbers)), ".", color="black", alpha=0.5, markersize=3
        )
    axes.set_yticks(heights, [display_of(key) for key in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
