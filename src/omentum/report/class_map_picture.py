"""A class map as a picture: similarities of each stage as a matrix, and below it the classes in a plane."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from omentum.anatomy.pairs import display_of, kind_of
from omentum.atomic import replacing
from omentum.errors import UsageError
from omentum.report.class_map import ClassMap, ClassMapStage, Floats

SUFFIXES = (".png", ".svg")
PANEL_IN = 4.6
DOTS_PER_INCH = 150
LABEL_POINTS = 6.0
LETTER, LINE, OFFSET = 0.0115, 0.024, 0.012
"""Width of a letter, height of a line and distance from a point, as fractions of the plane."""


def save_class_map(path: str | Path, found: ClassMap) -> None:
    """Draw a class map.

    Args:
        path: `.png` or `.svg` file to write.
        found: The map.

    Raises:
        UsageError: Another suffix.
        OutputError: The file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a picture is a {' or '.join(SUFFIXES)} file", source=path)
    content = class_map_picture(found, path.suffix.lower().lstrip("."))
    with replacing(path) as file:
        file.write(content)


def class_map_picture(found: ClassMap, kind: str) -> bytes:
    """Draw a class map as "png" or "svg"; equal maps give equal bytes."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "omentum", "font.family": "sans-serif"}):
        width = PANEL_IN * len(found.stages) + 1.4
        figure = Figure(figsize=(width, 2 * PANEL_IN + 0.9), dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, len(found.stages), squeeze=False, height_ratios=(1.1, 1))
        for stage, matrix, plane in zip(found.stages, axes[0], axes[1], strict=True):
            _draw_matrix(matrix, found, stage, named=matrix is axes[0][0])
            _draw_plane(plane, found, stage)
        colours = axes[0][0].images[0]
        figure.colorbar(colours, ax=list(axes[0]), shrink=0.7, label="cosine, mean of the classes subtracted")
        figure.suptitle(f"{found.weights} ({found.text_encoder})", fontsize=9)
        out = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": "omentum"})
    return out.getvalue()


def _draw_matrix(axes: Axes, found: ClassMap, stage: ClassMapStage, *, named: bool) -> None:
    order = list(found.order)
    names = [display_of(found.keys[n]) for n in order]
    axes.imshow(stage.similarity[order][:, order], vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
    axes.set_title(f"{stage.name}\nmean cosine {stage.mean_cosine:.2f} before centring", fontsize=8)
    size = min(LABEL_POINTS, 190 / len(names))
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names if named else [], fontsize=size)
    axes.tick_params(length=1.5, pad=1)


def _draw_plane(axes: Axes, found: ClassMap, stage: ClassMapStage) -> None:
    """Points in the colours of the structures; pairs are joined by a line, lesions and their organs by a dotted one."""
    places = dict(zip(found.keys, stage.positions, strict=True))
    for related, style in ((found.pairs, "-"), (found.lesions, ":")):
        for key, others in related.items():
            for other in others:
                (x1, y1), (x2, y2) = places[key], places[other]
                axes.plot([x1, x2], [y1, y2], style, color="0.6", linewidth=0.7, zorder=1)
    for key, (x, y) in places.items():
        colour = tuple(channel / 255 for channel in kind_of(key).colour)
        axes.plot(x, y, "o", color=colour, markersize=5, markeredgecolor="0.2", markeredgewidth=0.4, zorder=2)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.06)
    _draw_labels(axes, {display_of(key): place for key, place in places.items()})


def _draw_labels(axes: Axes, places: Mapping[str, Floats]) -> None:
    """Name points on the side that faces the middle, and shift names upwards that would cover another."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    taken: list[tuple[float, float, float]] = []
    for name, (x, y) in sorted(places.items(), key=lambda place: float(place[1][1])):
        across, up, width = (x - left) / (right - left), (y - low) / (high - low), LETTER * len(name)
        is_right = across > 0.5
        begin, height = (across - width if is_right else across), up
        while any(abs(height - h) < LINE and b < begin + width and begin < e for b, e, h in taken):
            height += LINE / 4
        taken.append((begin, begin + width, height))
        axes.annotate(
            name,
            (x, y),
            xytext=(across - OFFSET if is_right else across + OFFSET, height),
            textcoords="axes fraction",
            ha="right" if is_right else "left",
            va="center",
            fontsize=LABEL_POINTS,
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.4} if height - up > LINE / 2 else None,
            zorder=3,
        )
