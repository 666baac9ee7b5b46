"""ROC and FROC curves of an evaluation as SVG: one line per lesion type, in its colour."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from omentum.anatomy.pairs import display_of, kind_of

Points = Sequence[tuple[float, float]]

SIZE_IN = (9.0, 4.2)
RATES_SHOWN = (1 / 8, 16.0)
MARKERS = "osD^vP*X"
"""Markers that distinguish lesion types, whose colours are similar."""


def curves_svg(roc: Mapping[str, Points], froc: Mapping[str, Points]) -> bytes:
    """Draw ROC and FROC side by side.

    Args:
        roc: Structure key -> (1 - specificity, sensitivity).
        froc: Structure key -> (false positives per scan, sensitivity), with a logarithmic rate axis.

    Returns:
        An SVG file; equal input gives equal bytes.
    """
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "omentum", "font.family": "sans-serif"}):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2)
        _draw(left, roc)
        left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
        left.set(xlabel="1 - specificity (patients)", ylabel="sensitivity (patients)", xlim=(-0.02, 1.02))
        _draw(right, {key: [(x, y) for x, y in points if x > 0] for key, points in froc.items()})
        right.set_xscale("log", base=2)
        ticks = [2.0**n for n in range(-3, 5)]
        right.set_xticks(ticks, [f"1/{1 / t:g}" if t < 1 else f"{t:g}" for t in ticks])
        right.set(xlabel="false positives a scan", ylabel="sensitivity (lesions)", xlim=RATES_SHOWN)
        out = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "omentum"})
    return out.getvalue()


def _draw(axes: Axes, curves: Mapping[str, Points]) -> None:
    drawn = {key: points for key, points in curves.items() if points}
    for number, (key, points) in enumerate(drawn.items()):
        colour = tuple(channel / 255 for channel in kind_of(key).colour)
        x, y = zip(*points, strict=True)
        mark = MARKERS[number % len(MARKERS)]
        axes.plot(x, y, color=colour, marker=mark, markersize=3, linewidth=1.5, label=display_of(key))
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if drawn:
        axes.legend(fontsize="small", frameon=False)
